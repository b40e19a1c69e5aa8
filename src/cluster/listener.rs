//! Where a process listens. Whoever knocks has a few seconds to say who it is, and keeps nobody else waiting
//! meanwhile. What is no peer is dropped and counted.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::connection::Connection;
use super::handshake::{Answer, Hello, Refusal, Then};
use super::tls::is_for;
use super::{ClusterConfig, ClusterError, wire};

/// Within this a connection must have said who it is.
const HELLO_MAX: Duration = Duration::from_secs(5);
/// Longest hello, in bytes.
const HELLO_BYTES_MAX: usize = 16 << 10;
/// Connections that are listened to at once; more wait in the system's queue.
const KNOCKING_MAX: usize = 64;
/// Peers that have said who they are and wait for an answer.
const CALLERS_MAX: usize = 64;
/// Pause when the system gives no connection.
const PAUSE: Duration = Duration::from_millis(20);

/// Somebody who speaks our language.
#[derive(Debug)]
pub struct Caller {
    /// Who it says it is.
    pub hello: Hello,
    /// The connection to it.
    pub connection: Connection,
    /// Where it comes from.
    pub from: SocketAddr,
}

/// The listening socket. It is open as long as the process lives.
#[derive(Debug)]
pub struct Listener {
    callers: Receiver<Caller>,
    strangers: Arc<AtomicU64>,
}

impl Listener {
    /// Listens on this process' own line of the file of hosts.
    pub fn open(config: &ClusterConfig) -> Result<Self, ClusterError> {
        let address = config.hosts[config.index].clone();
        let listener = TcpListener::bind(&address).map_err(|error| ClusterError::Listen {
            index: config.index,
            address,
            why: error.to_string(),
        })?;
        let (sender, callers) = bounded(CALLERS_MAX);
        let strangers = Arc::new(AtomicU64::new(0));
        let (counted, config) = (Arc::clone(&strangers), config.clone());
        std::thread::spawn(move || listen(&listener, &config, &sender, &counted));
        Ok(Self { callers, strangers })
    }

    /// Those who wait for an answer.
    pub fn callers(&self) -> &Receiver<Caller> {
        &self.callers
    }

    /// How many knocked that are no peers.
    pub fn strangers(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.strangers)
    }

    /// From now on nobody is let in.
    pub fn close(self, why: impl Fn(&Hello) -> Refusal + Send + 'static) {
        std::thread::spawn(move || {
            for mut caller in self.callers {
                let refusal = why(&caller.hello);
                caller.refuse(refusal);
            }
        });
    }
}

impl Caller {
    /// Tells it why it is not let in.
    pub fn refuse(&mut self, refusal: Refusal) {
        let Refusal { why, then } = &refusal;
        tracing::warn!(from = %self.from, index = self.hello.index, why, ?then, "a process was refused");
        // It may have gone already.
        let _ = wire::write(&mut self.connection, &Answer::Refused(refusal));
    }
}

fn listen(listener: &TcpListener, config: &ClusterConfig, callers: &Sender<Caller>, strangers: &Arc<AtomicU64>) {
    let knocking = Arc::new(AtomicUsize::new(0));
    loop {
        let accepted = if knocking.load(Ordering::SeqCst) < KNOCKING_MAX { listener.accept().ok() } else { None };
        let Some((stream, from)) = accepted else {
            std::thread::sleep(PAUSE);
            continue;
        };
        knocking.fetch_add(1, Ordering::SeqCst);
        let (callers, strangers, knocking) = (callers.clone(), Arc::clone(strangers), Arc::clone(&knocking));
        let config = config.clone();
        std::thread::spawn(move || {
            match hear(&config, stream, from) {
                // Where too many wait, it is dropped and dials again.
                Ok(caller) => drop(callers.try_send(caller)),
                Err(why) => {
                    let strangers = strangers.fetch_add(1, Ordering::SeqCst) + 1;
                    // A scanner that knocks all day must not fill the disk.
                    if strangers < 100 || strangers.is_power_of_two() {
                        tracing::warn!(%from, strangers, why, "a connection was dropped that is of no peer");
                    }
                }
            }
            knocking.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn hear(config: &ClusterConfig, stream: TcpStream, from: SocketAddr) -> Result<Caller, String> {
    let deadline = Instant::now() + HELLO_MAX;
    let told = |error: std::io::Error| error.to_string();
    stream.set_nodelay(true).map_err(told)?;
    let (mut connection, shown) = match &config.tls {
        None => (Connection::Plain(stream), None),
        Some(tls) => {
            tls.accept(stream, HELLO_MAX).map(|(connection, shown)| (connection, Some(shown))).map_err(told)?
        }
    };
    connection.set_write_timeout(Some(HELLO_MAX)).map_err(told)?;
    let hello: Hello = wire::read(&mut connection, deadline, HELLO_BYTES_MAX).map_err(|error| error.to_string())?;
    let mut caller = Caller { hello, connection, from };
    let host = config.hosts.get(caller.hello.index);
    if let (Some(shown), Some(host)) = (shown, host)
        && !is_for(&shown, host)
    {
        let why = format!("its certificate is not for process {}, which is {host}", caller.hello.index);
        caller.refuse(Refusal::new(Then::End, why.clone()));
        return Err(why);
    }
    Ok(caller)
}
