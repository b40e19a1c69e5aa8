//! Tracking of acknowledgements: which progress is acknowledged, and which time a lost record belongs to.
//!
//! A log acknowledges the records of a partition in order, without naming them. So records are counted by partition:
//! progress is acknowledged when each partition has acknowledged as many records as were appended up to it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::log::DeliveryReport;

/// Maximum unacknowledged progress records: an hour of them. More are not tracked.
const PROGRESS_MAX: usize = 3_600;
/// Records appended within this time count as one moment.
const MOMENT: Duration = Duration::from_millis(1);

/// Tracker of records from their append to their delivery report.
#[derive(Debug)]
pub struct AckTracker {
    appended: Vec<u64>,
    acknowledged: Vec<u64>,
    /// When records were appended, and when the first of that moment was taken from the socket; ascending.
    moments: VecDeque<(Instant, Instant)>,
    /// Gaps: when they were appended, and their start (Unix milliseconds).
    gaps: VecDeque<(Instant, u64)>,
    progress: VecDeque<Progress>,
    /// Start of a loss that is not in a gap record yet.
    loss_ms: Option<u64>,
    drained: Instant,
}

#[derive(Debug)]
struct Progress {
    appended: Instant,
    /// Records in each partition up to and including it.
    counts: Vec<u64>,
    /// The log is complete up to this Unix time (ms) once it is acknowledged.
    complete_ms: u64,
}

/// Outcome of a batch of delivery reports.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Acknowledged {
    /// The newest acknowledged progress: up to this Unix time (ms) all is in the log, or in a gap that is.
    pub complete_ms: Option<u64>,
    /// Start of the time in which trades may be lost (Unix milliseconds), and the number of lost records.
    pub lost: Option<(u64, u64)>,
}

impl AckTracker {
    /// Tracker for a log with this number of partitions.
    pub fn new(partitions: u32, now: Instant) -> Self {
        let zeros = vec![0; partitions as usize];
        Self {
            appended: zeros.clone(),
            acknowledged: zeros,
            moments: VecDeque::new(),
            gaps: VecDeque::new(),
            progress: VecDeque::new(),
            loss_ms: None,
            drained: now,
        }
    }

    /// A record was appended to a partition; it was taken from the socket at `taken`.
    pub fn append(&mut self, partition: u32, taken: Instant, now: Instant) {
        if let Some(count) = self.appended.get_mut(partition as usize) {
            *count += 1;
        }
        if self.moments.back().is_none_or(|(appended, _)| now.saturating_duration_since(*appended) >= MOMENT) {
            self.moments.push_back((now, taken));
        }
    }

    /// A gap from `from_ms` on was appended to every partition.
    pub fn gap(&mut self, from_ms: u64, now: Instant) {
        self.gaps.push_back((now, from_ms));
        self.loss_ms = self.loss_ms.filter(|loss_ms| *loss_ms < from_ms);
    }

    /// Progress was appended to every partition.
    pub fn progress(&mut self, complete_ms: u64, now: Instant) {
        let complete_ms = self.loss_ms.map_or(complete_ms, |loss_ms| loss_ms.min(complete_ms));
        if self.progress.len() < PROGRESS_MAX {
            self.progress.push_back(Progress { appended: now, counts: self.appended.clone(), complete_ms });
        }
    }

    /// Whether there are losses that are not in a gap record.
    pub fn has_unreported_loss(&self) -> bool {
        self.loss_ms.is_some()
    }

    /// Processes delivery reports. `observe` gets the time of each record from the socket to its acknowledgement. Lost
    /// records belong to a time that begins `max_out_of_orderness_ms` before they were taken; `now` and `now_ms` are
    /// the same moment.
    pub fn acknowledge(
        &mut self,
        delivery_reports: &[DeliveryReport],
        (now, now_ms): (Instant, u64),
        max_out_of_orderness_ms: u64,
        mut observe: impl FnMut(Duration),
    ) -> Acknowledged {
        let mut acknowledged = Acknowledged::default();
        for report in delivery_reports {
            let (DeliveryReport::Acknowledged { partition, after } | DeliveryReport::Lost { partition, after }) =
                *report;
            if let Some(count) = self.acknowledged.get_mut(partition as usize) {
                *count += 1;
            }
            if matches!(report, DeliveryReport::Acknowledged { .. }) {
                let (appended, taken) = self.moment(now.checked_sub(after).unwrap_or(now)).unwrap_or((now, now));
                observe(after + appended.saturating_duration_since(taken));
                continue;
            }
            // It was given up since the last call, so it was appended after this.
            let earliest = self.drained.checked_sub(after).unwrap_or(self.drained);
            let taken = self.moment(earliest).map_or(earliest, |(_, taken)| taken.min(earliest));
            let age_ms = now.saturating_duration_since(taken).as_millis() as u64;
            let mut from_ms = now_ms.saturating_sub(age_ms).saturating_sub(max_out_of_orderness_ms);
            // The lost record may be a gap record.
            let gaps = self.gaps.iter().filter(|(appended, _)| *appended >= earliest);
            from_ms = gaps.map(|(_, from_ms)| *from_ms).fold(from_ms, u64::min);
            let (least_ms, records) = acknowledged.lost.unwrap_or((from_ms, 0));
            acknowledged.lost = Some((from_ms.min(least_ms), records + 1));
        }
        self.drained = now;
        if let Some((from_ms, _)) = acknowledged.lost {
            self.loss_ms = Some(self.loss_ms.map_or(from_ms, |loss_ms| loss_ms.min(from_ms)));
            for progress in &mut self.progress {
                progress.complete_ms = from_ms.min(progress.complete_ms);
            }
        }
        acknowledged.complete_ms = self.pop_progress();
        acknowledged
    }

    /// Everything appended so far is in the log.
    pub fn acknowledge_all(&mut self) -> Option<u64> {
        self.acknowledged.clone_from(&self.appended);
        self.pop_progress()
    }

    /// Removes acknowledged progress, and all moments and gaps before it, which are in the log by then.
    fn pop_progress(&mut self) -> Option<u64> {
        let mut newest = None;
        while let Some(progress) = self.progress.front() {
            if progress.counts.iter().zip(&self.acknowledged).any(|(before, acknowledged)| before > acknowledged) {
                break;
            }
            newest = Some(progress.complete_ms);
            while self.gaps.front().is_some_and(|(appended, _)| *appended < progress.appended) {
                self.gaps.pop_front();
            }
            // One earlier moment stays, since later records may belong to it.
            while self.moments.get(1).is_some_and(|(appended, _)| *appended <= progress.appended) {
                self.moments.pop_front();
            }
            self.progress.pop_front();
        }
        newest
    }

    /// The last moment that began before `at`; the first one when none did.
    fn moment(&self, at: Instant) -> Option<(Instant, Instant)> {
        let after = self.moments.partition_point(|(appended, _)| *appended <= at);
        self.moments.get(after.saturating_sub(1)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL_MS: u64 = 1_000_000;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn durable(partition: u32, after_ms: u64) -> DeliveryReport {
        DeliveryReport::Acknowledged { partition, after: ms(after_ms) }
    }

    #[test]
    fn progress_needs_every_partitions_acknowledgement() {
        let start = Instant::now();
        let mut ack_tracker = AckTracker::new(2, start);
        ack_tracker.append(0, start, start + ms(40));
        for partition in 0..2 {
            ack_tracker.append(partition, start + ms(50), start + ms(50));
        }
        ack_tracker.progress(7, start + ms(50));
        ack_tracker.append(1, start + ms(60), start + ms(60));
        let mut seen = Vec::new();
        let at = |after_ms| (start + ms(after_ms), WALL_MS + after_ms);
        // Partition 1 is ahead, which says nothing about partition 0.
        let delivery_reports = [durable(1, 20), durable(1, 10), durable(0, 30)];
        assert_eq!(
            ack_tracker.acknowledge(&delivery_reports, at(70), 5, |after| seen.push(after)),
            Acknowledged::default()
        );
        assert_eq!(seen, [ms(20), ms(10), ms(30 + 40)]);
        let acknowledged = ack_tracker.acknowledge(&[durable(0, 30)], at(80), 5, |_| {});
        assert_eq!(acknowledged, Acknowledged { complete_ms: Some(7), lost: None });
    }

    #[test]
    fn a_loss_stays_until_a_gap_reports_it() {
        let start = Instant::now();
        let at = |after_ms| (start + ms(after_ms), WALL_MS + after_ms);
        let mut ack_tracker = AckTracker::new(1, start);
        ack_tracker.append(0, start + ms(100), start + ms(400));
        ack_tracker.progress(WALL_MS + 350, start + ms(400));
        assert_eq!(ack_tracker.acknowledge(&[], at(900), 5, |_| {}), Acknowledged::default());
        let delivery_reports = [DeliveryReport::Lost { partition: 0, after: ms(550) }];
        let acknowledged = ack_tracker.acknowledge(&delivery_reports, at(1_000), 5, |_| {});
        // Taken at 100, and what comes 5 ms late is on time.
        assert_eq!(acknowledged, Acknowledged { complete_ms: Some(WALL_MS + 95), lost: Some((WALL_MS + 95, 1)) });
        ack_tracker.append(0, start + ms(1_100), start + ms(1_100));
        ack_tracker.progress(WALL_MS + 1_095, start + ms(1_100));
        let acknowledged = ack_tracker.acknowledge(&[durable(0, 10)], at(1_200), 5, |_| {});
        assert_eq!(acknowledged.complete_ms, Some(WALL_MS + 95));
        assert!(ack_tracker.has_unreported_loss());
        ack_tracker.gap(WALL_MS + 95, start + ms(1_300));
        ack_tracker.append(0, start + ms(1_300), start + ms(1_300));
        ack_tracker.progress(WALL_MS + 1_295, start + ms(1_300));
        assert!(!ack_tracker.has_unreported_loss());
        assert_eq!(ack_tracker.acknowledge(&[durable(0, 9)], at(1_400), 5, |_| {}).complete_ms, Some(WALL_MS + 1_295));
    }

    #[test]
    fn a_lost_gap_record_is_a_loss() {
        let start = Instant::now();
        let mut ack_tracker = AckTracker::new(1, start);
        ack_tracker.gap(17, start + ms(1));
        ack_tracker.append(0, start + ms(1), start + ms(1));
        let delivery_reports = [DeliveryReport::Lost { partition: 0, after: ms(50) }];
        let acknowledged = ack_tracker.acknowledge(&delivery_reports, (start + ms(60), WALL_MS), 5, |_| {});
        assert_eq!(acknowledged.lost, Some((17, 1)));
        assert!(ack_tracker.has_unreported_loss());
    }
}
