//! Checkpoints that are kept, to begin a replay or a proof from: for a day one for each interval of event time, before
//! that one for each day (UTC), as far back as the log goes and at most three months.
//!
//! The header of the committed checkpoint names them, and the header of each is stored as a segment of its own, before
//! the checkpoint that names it first is committed. So an anchor is there, or it is not named.

use std::collections::BTreeMap;
use std::time::Duration;

use dataflows::progress::time::{DAY_MS, Time};
use dataflows::state::manifest::SegmentKey;
use dataflows::state::snapshot::SnapshotHeader;

use crate::store::anchor::Anchor as StoredAnchor;
use crate::store::{Store, StoreError};

/// How long the first checkpoint of a day is kept, in milliseconds of event time.
const KEPT_MS: u64 = 92 * DAY_MS;

/// The first offset that the log still has, by partition; `None` while it cannot say.
pub(in crate::worker) type LogStart = Box<dyn Fn() -> Option<Vec<u64>> + Send>;

/// A checkpoint that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Anchor {
    key: SegmentKey,
    header: SnapshotHeader,
}

/// The anchors of a store.
pub(in crate::worker) struct Anchors {
    every_ms: u64,
    /// Of the checkpoint that the run resumed from, as long as they are not loaded.
    named: Vec<SegmentKey>,
    /// Ascending by frontier.
    kept: Vec<Anchor>,
    /// How many of them need a segment.
    uses: BTreeMap<SegmentKey, u32>,
    log_start: LogStart,
}

impl Anchors {
    /// One for each of these intervals; with zero there are no new ones. `named` are those of the checkpoint that the
    /// run resumed from.
    pub(super) fn new(every: Duration, named: Vec<SegmentKey>, log_start: LogStart) -> Self {
        let (kept, uses) = (Vec::new(), BTreeMap::new());
        Self { every_ms: every.as_millis() as u64, named, kept, uses, log_start }
    }

    /// Reads those that the run has found. One that a program of another version wrote, or that has no header any more,
    /// is left out.
    pub(super) fn load(&mut self, store: &mut dyn Store) -> Result<(), StoreError> {
        for key in std::mem::take(&mut self.named) {
            match StoredAnchor::kept(&key, store.segments(&[key]))? {
                Some(kept) => self.add(key, kept.header),
                None => tracing::warn!(frontier = key.frontier, "leaving out a kept checkpoint that cannot be read"),
            }
        }
        Ok(())
    }

    /// Whether a checkpoint as of this time is to be kept.
    pub(super) fn is_due(&self, frontier: Time) -> bool {
        let newest = self.kept.last().map(|anchor| anchor.key.frontier);
        self.every_ms > 0 && newest.is_none_or(|newest| newest / self.every_ms < frontier / self.every_ms)
    }

    /// Keeps a checkpoint.
    pub(super) fn add(&mut self, key: SegmentKey, header: SnapshotHeader) {
        let anchor = Anchor { key, header };
        anchor.segments().for_each(|segment| *self.uses.entry(segment).or_default() += 1);
        self.kept.push(anchor);
    }

    /// Lets go of those that are not wanted as of this time, and where the log is asked, of those from which it cannot
    /// be read on. Returns the segments that none of the others needs.
    pub(super) fn thin(&mut self, frontier: Time, asks_log: bool) -> Vec<SegmentKey> {
        let start = if asks_log { (self.log_start)() } else { None };
        let (mut day_before, every_ms) = (None, self.every_ms);
        let is_wanted = |anchor: &Anchor| {
            let day = anchor.key.frontier / DAY_MS;
            let is_first = day_before.replace(day) != Some(day);
            let age_ms = frontier.saturating_sub(anchor.key.frontier);
            let is_read = |start: &Vec<u64>| anchor.header.is_covered(start);
            every_ms > 0 && age_ms <= if is_first { KEPT_MS } else { DAY_MS } && start.as_ref().is_none_or(is_read)
        };
        let (kept, gone) = std::mem::take(&mut self.kept).into_iter().partition(is_wanted);
        let gone: Vec<Anchor> = gone;
        self.kept = kept;
        let mut free = Vec::new();
        for segment in gone.iter().flat_map(Anchor::segments) {
            if let Some(uses) = self.uses.get_mut(&segment) {
                *uses -= 1;
                if *uses == 0 {
                    self.uses.remove(&segment);
                    free.push(segment);
                }
            }
        }
        free
    }

    /// Their headers' names, ascending by frontier.
    pub(super) fn keys(&self) -> Vec<SegmentKey> {
        self.kept.iter().map(|anchor| anchor.key).collect()
    }

    /// Whether one of them needs this segment.
    pub(super) fn need(&self, segment: &SegmentKey) -> bool {
        self.uses.contains_key(segment)
    }
}

impl Anchor {
    /// Every segment that it needs, its header included.
    fn segments(&self) -> impl Iterator<Item = SegmentKey> {
        self.header.manifest.segments().into_iter().chain([self.key])
    }
}

#[cfg(test)]
mod tests {
    use dataflows::output::ledger::LedgerState;
    use dataflows::progress::resume::ResumePoint;
    use dataflows::state::manifest::Manifest;

    use super::*;

    const HOUR_MS: u64 = 3_600_000;
    /// 2024-01-02 00:00 UTC.
    const DAY: u64 = 19_724 * DAY_MS;

    fn header(offset: u64) -> SnapshotHeader {
        SnapshotHeader {
            ledger: LedgerState::empty(),
            resume: vec![ResumePoint::fresh(0, offset)],
            fingerprint: 0,
            log: String::new(),
            manifest: Manifest::default(),
            anchors: Vec::new(),
        }
    }

    /// Anchors of a pipeline that makes a checkpoint every 20 minutes for this long, and reads 100 records in each; the
    /// log begins at an offset.
    fn after(hours: u64, log_start: u64) -> Vec<u64> {
        let mut anchors = Anchors::new(Duration::from_secs(3_600), Vec::new(), Box::new(move || Some(vec![log_start])));
        for nth in 0..hours * 3 {
            let frontier = DAY + 5_000 + nth * HOUR_MS / 3;
            if anchors.is_due(frontier) {
                anchors.add(SegmentKey::header(1, frontier), header(nth * 100));
                anchors.thin(frontier, true);
            }
        }
        anchors.keys().iter().map(|key| (key.frontier - DAY - 5_000) / HOUR_MS).collect()
    }

    #[test]
    fn one_an_hour_for_a_day_and_then_one_a_day() {
        assert_eq!(after(3, 0), [0, 1, 2]);
        assert_eq!(after(25, 0).len(), 25);
        let hours: Vec<u64> = [0].into_iter().chain(2..=26).collect();
        assert_eq!(after(27, 0), hours, "of the first day the first one stays");
        let hours: Vec<u64> = [0, 24, 48].into_iter().chain(50..=74).collect();
        assert_eq!(after(75, 0), hours);
    }

    #[test]
    fn anchors_that_the_log_no_longer_reaches_leave() {
        // The log begins in the third day, behind its first checkpoint.
        let hours: Vec<u64> = (50..=74).collect();
        assert_eq!(after(75, 48 * 300 + 1), [&[48][..], &hours].concat());
    }

    #[test]
    fn without_an_interval_there_are_none() {
        let mut none = Anchors::new(Duration::ZERO, Vec::new(), Box::new(|| None));
        assert!(!none.is_due(DAY));
        let key = SegmentKey::header(1, DAY);
        none.add(key, header(0));
        assert_eq!(none.thin(DAY, false), [key], "what an earlier run kept goes");
        assert_eq!(none.keys(), []);
    }

    #[test]
    fn a_segment_is_free_when_no_anchor_needs_it() {
        let mut anchors = Anchors::new(Duration::from_secs(3_600), Vec::new(), Box::new(|| None));
        let mut with = header(0);
        with.manifest.advance(1, DAY, &[(3, true)]);
        let shared = with.manifest.segments_of(3)[0];
        let hours = [0, 1, 2].map(|hour| DAY + hour * HOUR_MS);
        for frontier in hours {
            anchors.add(SegmentKey::header(1, frontier), with.clone());
        }
        assert_eq!(anchors.thin(hours[2], false), []);
        assert_eq!(anchors.thin(hours[2] + DAY_MS, false), [SegmentKey::header(1, hours[1])]);
        assert!(anchors.need(&shared));
        let free = anchors.thin(DAY + KEPT_MS + 3 * HOUR_MS, false);
        assert_eq!(free, [SegmentKey::header(1, DAY), shared, SegmentKey::header(1, hours[2])]);
    }
}
