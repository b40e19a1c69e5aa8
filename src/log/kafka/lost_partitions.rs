//! Partitions that a producer has lost, so that it has to be replaced.
//!
//! When the only replica of a partition stops in good order, the broker answers a last request with "no leader". The
//! client then drops its leader and never takes a new one, although later metadata names one: all that is written to
//! that partition times out, until the process is restarted (librdkafka 2.12, issue 5430). Only a line in the client's
//! log shows it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Facility of the log line.
const FACILITY: &str = "METADATAUPDATE";
/// The log line after `Partition TOPIC(ID)[`.
const NO_LEADER: &str = "]: new leader-1 not found in cache";

/// The partitions, and since when each was not acknowledged.
#[derive(Debug, Default)]
pub(super) struct LostPartitions {
    some: AtomicBool,
    /// The last acknowledgement in any other partition since then.
    acknowledged: Mutex<Option<Instant>>,
    since: Mutex<BTreeMap<u32, Instant>>,
}

impl LostPartitions {
    /// Reads a line of the client's log.
    pub(super) fn log(&self, facility: &str, message: &str) {
        let Some(before) = message.strip_suffix(NO_LEADER).filter(|_| facility == FACILITY) else { return };
        if let Some(partition) = before.rsplit_once('[').and_then(|(_, number)| number.parse().ok()) {
            self.locked().entry(partition).or_insert_with(Instant::now);
            self.some.store(true, Ordering::Release);
        }
    }

    /// The client has written to this partition: it has found it again.
    pub(super) fn acknowledged(&self, partition: u32) {
        if self.some.load(Ordering::Acquire) {
            *self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            let mut since = self.locked();
            since.remove(&partition);
            self.some.store(!since.is_empty(), Ordering::Release);
        }
    }

    /// The partitions without an acknowledgement for this time.
    pub(super) fn overdue(&self, after: Duration) -> Vec<u32> {
        if !self.some.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.locked().iter().filter(|(_, since)| since.elapsed() >= after).map(|(partition, _)| *partition).collect()
    }

    /// Whether the client has written to another partition within this time: it is connected.
    pub(super) fn is_connected(&self, within: Duration) -> bool {
        let last = *self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() < within)
    }

    /// Whether a partition was lost before this moment: what was appended since was never sent.
    pub(super) fn was_lost_before(&self, partition: u32, moment: Instant) -> bool {
        self.locked().get(&partition).is_some_and(|since| *since < moment)
    }

    /// Another client knows nothing of them.
    pub(super) fn clear(&self) {
        self.locked().clear();
        self.some.store(false, Ordering::Release);
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<u32, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_lost_until_they_are_acknowledged() {
        let lost = LostPartitions::default();
        lost.log("METADATAUPDATE", "Partition a[b](UtAbs3msTKugciSkjfeJ2A)[12]: new leader-1 not found in cache");
        lost.log("METADATAUPDATE", "Partition trades(UtAbs3msTKugciSkjfeJ2A)[3]: new leader-1 not found in cache");
        lost.log("METADATAUPDATE", "Partition trades(UtAbs3msTKugciSkjfeJ2A)[4]: new leader7 not found in cache");
        lost.log("FAIL", "Partition trades(UtAbs3msTKugciSkjfeJ2A)[5]: new leader-1 not found in cache");
        assert_eq!(lost.overdue(Duration::ZERO), [3, 12]);
        assert_eq!(lost.overdue(Duration::from_secs(60)), [0; 0]);
        lost.acknowledged(12);
        assert_eq!(lost.overdue(Duration::ZERO), [3]);
        lost.clear();
        assert_eq!(lost.overdue(Duration::ZERO), [0; 0]);
    }
}
