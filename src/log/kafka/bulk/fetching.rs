//! Fetching one partition ahead of its reader, in a thread: at most one answer waits while the next one comes.
//!
//! A broker that is away is waited for. What ends the reading is handed over after everything that came before.

use std::collections::VecDeque;
use std::net::{Shutdown, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use super::cluster::Cluster;
use super::fetcher::Fetcher;
use super::walk::Aborted;
use crate::log::kafka::ended::Ended;
use crate::log::kafka::topic::Topic;

/// Bytes of all answers of this process together: one that comes, one that waits and one that is read per partition.
const ANSWERS_BYTES_MAX: usize = 64 << 20;
/// Answers per partition that take up memory at a time.
const ANSWERS: usize = 3;
/// Least bytes to ask for.
const ASKED_BYTES_MIN: usize = 64 << 10;
/// Most bytes to ask for: many batches of records, since the last one of an answer is usually cut and comes again.
const ASKED_BYTES_MAX: usize = 4 << 20;

/// Partitions that this process reads.
static READERS: AtomicUsize = AtomicUsize::new(0);

/// Bytes to ask for at a time, now.
pub(super) fn asked_bytes() -> i32 {
    let share = ANSWERS_BYTES_MAX / ANSWERS / READERS.load(Ordering::Relaxed).max(1);
    share.clamp(ASKED_BYTES_MIN, ASKED_BYTES_MAX) as i32
}

/// Answer of a broker.
pub(super) struct Fetched {
    /// All its bytes.
    pub bytes: Vec<u8>,
    /// Where whole batches lie in it.
    pub range: Range<usize>,
    /// The aborted transactions among them.
    pub aborted: Vec<Aborted>,
}

/// What a reader gets.
pub(super) enum Taken {
    /// The next answer.
    Answer(Fetched),
    /// Nothing is there now.
    Nothing,
    /// Nothing more will come.
    Ended(Ended),
}

/// The thread of one partition, which ends when this is dropped.
pub(super) struct Fetching(Arc<Shared>);

impl Fetching {
    /// Starts fetching at an offset.
    pub(super) fn start(
        topic: Arc<Topic>,
        cluster: Arc<Cluster>,
        partition: u32,
        position: u64,
    ) -> std::io::Result<Self> {
        READERS.fetch_add(1, Ordering::Relaxed);
        let fetching = Self(Arc::default());
        let fetcher = Fetcher::new(Arc::clone(&fetching.0), topic, cluster, partition, position);
        thread::Builder::new().name(format!("kafka-{partition}")).spawn(move || fetcher.run())?;
        Ok(fetching)
    }

    /// The next answer, without blocking.
    pub(super) fn take(&self) -> Taken {
        let mut state = self.0.locked();
        if let Some(next) = state.waiting.pop_front() {
            self.0.changed.notify_all();
            return Taken::Answer(next);
        }
        state.ended.clone().map_or(Taken::Nothing, Taken::Ended)
    }

    /// Gives back the memory of an answer.
    pub(super) fn give_back(&self, bytes: Vec<u8>) {
        self.0.give_back(bytes);
    }

    /// One past the last record that may be read, as of the last answer.
    pub(super) fn end(&self) -> Option<u64> {
        self.0.locked().end
    }

    /// Unparks this thread from now on when there is something to take.
    pub(super) fn wake(&self, thread: Thread) {
        self.0.locked().waker = Some(thread);
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        READERS.fetch_sub(1, Ordering::Relaxed);
        let mut state = self.0.locked();
        state.is_stopped = true;
        if let Some(socket) = state.socket.take() {
            // It fails only if the connection is closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.0.changed.notify_all();
    }
}

/// What the reader and the thread share.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Fetched>,
    spare: Vec<Vec<u8>>,
    end: Option<u64>,
    ended: Option<Ended>,
    waker: Option<Thread>,
    socket: Option<TcpStream>,
    is_stopped: bool,
}

impl Shared {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until an answer may be added; false once there is no reader.
    pub(super) fn wait_for_room(&self) -> bool {
        let is_full = |state: &mut State| !state.is_stopped && !state.waiting.is_empty();
        let state = self.changed.wait_while(self.locked(), is_full).unwrap_or_else(PoisonError::into_inner);
        !state.is_stopped
    }

    /// Whether there is no reader any more.
    pub(super) fn is_stopped(&self) -> bool {
        self.locked().is_stopped
    }

    /// Waits for a time, or until there is no reader.
    pub(super) fn pause(&self, time: Duration) {
        let state = self.locked();
        drop(self.changed.wait_timeout_while(state, time, |state| !state.is_stopped));
    }

    /// Memory for an answer.
    pub(super) fn buffer(&self) -> Vec<u8> {
        self.locked().spare.pop().unwrap_or_default()
    }

    /// Keeps the memory of an answer for the next ones.
    pub(super) fn give_back(&self, bytes: Vec<u8>) {
        let mut state = self.locked();
        if state.spare.len() < ANSWERS {
            state.spare.push(bytes);
        }
    }

    /// Keeps the socket, to be shut down when there is no reader.
    pub(super) fn opened(&self, socket: &TcpStream) {
        let mut state = self.locked();
        if state.is_stopped {
            let _ = socket.shutdown(Shutdown::Both);
        }
        state.socket = socket.try_clone().ok();
    }

    /// Notes the end of the partition.
    pub(super) fn ends_at(&self, end: u64) {
        self.locked().end = Some(end);
    }

    /// Adds an answer, and wakes the reader.
    pub(super) fn add(&self, fetched: Fetched) {
        let mut state = self.locked();
        state.waiting.push_back(fetched);
        state.wake();
    }

    /// Nothing comes after what was added.
    pub(super) fn end_with(&self, ended: Ended) {
        let mut state = self.locked();
        state.ended = Some(ended);
        state.wake();
    }
}

impl State {
    fn wake(&self) {
        if let Some(thread) = &self.waker {
            thread.unpark();
        }
    }
}
