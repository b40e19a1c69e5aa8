//! What the log has of the records handed to it: which promise is settled, and which time a lost record belongs to.
//!
//! A log acknowledges the records of one partition in their order, and says of none which it was. So records are
//! counted by partition: a promise is settled when each partition has acknowledged as many as were appended before it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::log::DeliveryReport;

/// Promises that wait for their acknowledgement, at most: an hour of them. More are not followed.
const PROGRESS_MAX: usize = 3_600;
/// Records appended within so long count as one moment.
const MOMENT: Duration = Duration::from_millis(1);

/// Follows records from their appending to their fate.
#[derive(Debug)]
pub struct AckTracker {
    appended: Vec<u64>,
    acknowledged: Vec<u64>,
    /// When records were appended, and when the first of that moment was taken from the socket; ascending.
    moments: VecDeque<(Instant, Instant)>,
    /// Gaps told: when, and from which time on (Unix milliseconds).
    gaps: VecDeque<(Instant, u64)>,
    progress: VecDeque<Progress>,
    /// From when on trades were lost that no gap tells yet.
    hole_ms: Option<u64>,
    drained: Instant,
}

#[derive(Debug)]
struct Progress {
    appended: Instant,
    /// Records in each partition up to it.
    counts: Vec<u64>,
    /// The time before which all is in the log once it is settled (Unix milliseconds).
    complete_ms: u64,
}

/// What the fates of one look amount to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Acknowledged {
    /// The newest promise that is settled now: all before this Unix time (ms) is in the log, or in a gap that is.
    pub complete_ms: Option<u64>,
    /// From when on trades may be lost (Unix milliseconds), and how many records were.
    pub lost: Option<(u64, u64)>,
}

impl AckTracker {
    /// Follows the records of a log with so many partitions.
    pub fn new(partitions: u32, now: Instant) -> Self {
        let zeros = vec![0; partitions as usize];
        Self {
            appended: zeros.clone(),
            acknowledged: zeros,
            moments: VecDeque::new(),
            gaps: VecDeque::new(),
            progress: VecDeque::new(),
            hole_ms: None,
            drained: now,
        }
    }

    /// One record goes to a partition; it came from the socket at `taken`.
    pub fn append(&mut self, partition: u32, taken: Instant, now: Instant) {
        if let Some(count) = self.appended.get_mut(partition as usize) {
            *count += 1;
        }
        if self.moments.back().is_none_or(|(appended, _)| now.saturating_duration_since(*appended) >= MOMENT) {
            self.moments.push_back((now, taken));
        }
    }

    /// A gap from `from_ms` on was appended to every partition.
    pub fn tell_gap(&mut self, from_ms: u64, now: Instant) {
        self.gaps.push_back((now, from_ms));
        self.hole_ms = self.hole_ms.filter(|hole_ms| *hole_ms < from_ms);
    }

    /// A promise was appended to every partition.
    pub fn progress(&mut self, complete_ms: u64, now: Instant) {
        let complete_ms = self.hole_ms.map_or(complete_ms, |hole_ms| hole_ms.min(complete_ms));
        if self.progress.len() < PROGRESS_MAX {
            self.progress.push_back(Progress { appended: now, counts: self.appended.clone(), complete_ms });
        }
    }

    /// Whether records were lost that no gap tells.
    pub fn has_hole(&self) -> bool {
        self.hole_ms.is_some()
    }

    /// Takes in fates. `acknowledged` hears how long each record took from the socket. Lost records belong to a time
    /// that begins `max_out_of_orderness_ms` before they were taken; `now` and `now_ms` are the same moment.
    pub fn settle(
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
            // It was given up since the last look, so it was appended after this.
            let earliest = self.drained.checked_sub(after).unwrap_or(self.drained);
            let taken = self.moment(earliest).map_or(earliest, |(_, taken)| taken.min(earliest));
            let age_ms = now.saturating_duration_since(taken).as_millis() as u64;
            let mut from_ms = now_ms.saturating_sub(age_ms).saturating_sub(max_out_of_orderness_ms);
            // It may have been a gap itself.
            let gaps = self.gaps.iter().filter(|(told, _)| *told >= earliest);
            from_ms = gaps.map(|(_, from_ms)| *from_ms).fold(from_ms, u64::min);
            let (least_ms, records) = acknowledged.lost.unwrap_or((from_ms, 0));
            acknowledged.lost = Some((from_ms.min(least_ms), records + 1));
        }
        self.drained = now;
        if let Some((from_ms, _)) = acknowledged.lost {
            self.hole_ms = Some(self.hole_ms.map_or(from_ms, |hole_ms| hole_ms.min(from_ms)));
            for progress in &mut self.progress {
                progress.complete_ms = from_ms.min(progress.complete_ms);
            }
        }
        acknowledged.complete_ms = self.pop_progress();
        acknowledged
    }

    /// Everything appended so far is in the log.
    pub fn settle_all(&mut self) -> Option<u64> {
        self.acknowledged.clone_from(&self.appended);
        self.pop_progress()
    }

    /// Takes the promises that are settled. Nothing from before them is on its way, so it can be forgotten.
    fn pop_progress(&mut self) -> Option<u64> {
        let mut newest = None;
        while let Some(progress) = self.progress.front() {
            if progress.counts.iter().zip(&self.acknowledged).any(|(before, acknowledged)| before > acknowledged) {
                break;
            }
            newest = Some(progress.complete_ms);
            while self.gaps.front().is_some_and(|(told, _)| *told < progress.appended) {
                self.gaps.pop_front();
            }
            // One moment before it stays: the records after it may belong to that.
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
    fn a_progress_is_settled_when_each_partition_has_as_many_records() {
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
        // Partition 1 is ahead: that says nothing of partition 0.
        let delivery_reports = [durable(1, 20), durable(1, 10), durable(0, 30)];
        assert_eq!(ack_tracker.settle(&delivery_reports, at(70), 5, |after| seen.push(after)), Acknowledged::default());
        assert_eq!(seen, [ms(20), ms(10), ms(30 + 40)]);
        let acknowledged = ack_tracker.settle(&[durable(0, 30)], at(80), 5, |_| {});
        assert_eq!(acknowledged, Acknowledged { complete_ms: Some(7), lost: None });
    }

    #[test]
    fn a_lost_record_makes_a_hole_from_its_socket_on_until_a_gap_tells_it() {
        let start = Instant::now();
        let at = |after_ms| (start + ms(after_ms), WALL_MS + after_ms);
        let mut ack_tracker = AckTracker::new(1, start);
        ack_tracker.append(0, start + ms(100), start + ms(400));
        ack_tracker.progress(WALL_MS + 350, start + ms(400));
        assert_eq!(ack_tracker.settle(&[], at(900), 5, |_| {}), Acknowledged::default());
        let delivery_reports = [DeliveryReport::Lost { partition: 0, after: ms(550) }];
        let acknowledged = ack_tracker.settle(&delivery_reports, at(1_000), 5, |_| {});
        // Taken at 100, and what comes 5 ms late is on time.
        assert_eq!(acknowledged, Acknowledged { complete_ms: Some(WALL_MS + 95), lost: Some((WALL_MS + 95, 1)) });
        ack_tracker.append(0, start + ms(1_100), start + ms(1_100));
        ack_tracker.progress(WALL_MS + 1_095, start + ms(1_100));
        let acknowledged = ack_tracker.settle(&[durable(0, 10)], at(1_200), 5, |_| {});
        assert_eq!(acknowledged.complete_ms, Some(WALL_MS + 95));
        assert!(ack_tracker.has_hole());
        ack_tracker.tell_gap(WALL_MS + 95, start + ms(1_300));
        ack_tracker.append(0, start + ms(1_300), start + ms(1_300));
        ack_tracker.progress(WALL_MS + 1_295, start + ms(1_300));
        assert!(!ack_tracker.has_hole());
        assert_eq!(ack_tracker.settle(&[durable(0, 9)], at(1_400), 5, |_| {}).complete_ms, Some(WALL_MS + 1_295));
    }

    #[test]
    fn a_gap_that_is_lost_is_a_hole_from_its_own_beginning() {
        let start = Instant::now();
        let mut ack_tracker = AckTracker::new(1, start);
        ack_tracker.tell_gap(17, start + ms(1));
        ack_tracker.append(0, start + ms(1), start + ms(1));
        let delivery_reports = [DeliveryReport::Lost { partition: 0, after: ms(50) }];
        let acknowledged = ack_tracker.settle(&delivery_reports, (start + ms(60), WALL_MS), 5, |_| {});
        assert_eq!(acknowledged.lost, Some((17, 1)));
        assert!(ack_tracker.has_hole());
    }
}
