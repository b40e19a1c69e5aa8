//! Logs each problem with a cluster once per outage.
//!
//! librdkafka repeats a failed connection several times a second, in every client and in two callbacks. All clients of
//! a cluster share one [`Outage`], which lets the first occurrence of a text through, and one line when it has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

/// Time without a problem after which an outage has ended. Longer than the pauses between librdkafka's reconnections.
const QUIET: Duration = Duration::from_secs(5);
/// Maximum number of distinct texts to log during one outage.
const TEXTS_MAX: usize = 32;

/// The outages by cluster.
static OUTAGES: LazyLock<Mutex<BTreeMap<String, Arc<Outage>>>> = LazyLock::new(Mutex::default);

/// The current outage of a cluster, if any.
#[derive(Debug, Default)]
pub(super) struct Outage {
    is_on: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What was logged since the outage began.
    logged: BTreeSet<String>,
    last_problem: Option<Instant>,
}

impl Outage {
    /// The outage state that all clients of these brokers share.
    pub(super) fn of(brokers: &str) -> Arc<Self> {
        Arc::clone(locked(&OUTAGES).entry(brokers.to_owned()).or_default())
    }

    /// Whether a problem is to be logged: true for its first occurrence in an outage.
    pub(super) fn is_new(&self, text: &str) -> bool {
        let mut state = locked(&self.state);
        state.last_problem = Some(Instant::now());
        self.is_on.store(true, Ordering::Release);
        state.logged.len() < TEXTS_MAX && state.logged.insert(essence(text).to_owned())
    }

    /// Records a success. Ends the outage, with one line, if there was no problem for a while: with several brokers
    /// some requests succeed during an outage.
    pub(super) fn succeeded(&self, brokers: &str) {
        if self.is_on.load(Ordering::Acquire) && self.ended(Instant::now()) {
            warn!(brokers, "connected to Kafka again");
        }
    }

    fn ended(&self, now: Instant) -> bool {
        let mut state = locked(&self.state);
        let is_over = state.last_problem.is_some_and(|at| now.duration_since(at) >= QUIET);
        if is_over {
            *state = State::default();
            self.is_on.store(false, Ordering::Release);
        }
        is_over
    }
}

/// The part of librdkafka's text that stays the same when it repeats: without the thread before and the times behind
/// it.
fn essence(text: &str) -> &str {
    let text = match text.strip_prefix("[thrd:").and_then(|rest| rest.split_once("]: ")) {
        Some((_, text)) => text,
        None => text,
    };
    text.split_once(" (after ").map_or(text, |(text, _)| text)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_logged_once_per_outage() {
        let outage = Outage::default();
        assert!(!outage.ended(Instant::now() + QUIET), "no outage yet");
        assert!(outage.is_new("b:1/bootstrap: Connect to b:1 failed: Connection refused (after 0ms in state CONNECT)"));
        for again in [
            "b:1/bootstrap: Connect to b:1 failed: Connection refused (after 3ms in state CONNECT, 5 suppressed)",
            "[thrd:b:1/bootstrap]: b:1/bootstrap: Connect to b:1 failed: Connection refused (after 0ms)",
        ] {
            assert!(!outage.is_new(again), "{again}");
        }
        assert!(outage.is_new("another problem"));
        assert!(!outage.ended(Instant::now()), "too soon");
        assert!(outage.ended(Instant::now() + QUIET));
        assert!(!outage.ended(Instant::now() + QUIET), "reported once");
        assert!(outage.is_new("another problem"));
    }
}
