//! Heartbeats on connections before timely takes them over: the other end waits for this process as long as it lives,
//! however long the store takes.

use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, unbounded};
use serde::Serialize;

use super::connection::Connection;
use super::wire;

/// Interval.
const INTERVAL: Duration = Duration::from_secs(1);

/// The thread that sends them. Until it has ended, only it may write to the connections.
#[derive(Debug)]
pub(super) struct Heartbeats<M> {
    messages: Sender<M>,
    thread: JoinHandle<()>,
}

impl<M: Serialize + Clone + Send + 'static> Heartbeats<M> {
    /// Sends this message, once per second. A connection that fails is left alone: who reads from it notices.
    pub(super) fn start(mut connections: Vec<Connection>, message: M) -> Self {
        let (messages, others) = unbounded::<M>();
        let thread = std::thread::spawn(move || {
            loop {
                let message = match others.recv_timeout(INTERVAL) {
                    Ok(other) => other,
                    Err(RecvTimeoutError::Timeout) => message.clone(),
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                connections.retain_mut(|connection| wire::write(connection, &message).is_ok());
            }
        });
        Self { messages, thread }
    }

    /// Sends another message in between.
    pub(super) fn send(&self, message: M) {
        // The thread ends only with `stop`.
        let _ = self.messages.send(message);
    }

    /// Stops; nothing is sent any more when this returns, and what was to be sent is.
    pub(super) fn stop(self) {
        drop(self.messages);
        // It does not panic, and has no result.
        let _ = self.thread.join();
    }
}
