//! From a frontier to the offset to read from.
//!
//! A record's time is fixed when it is read. To resume as of F, every record with time >= F must be read again, so a
//! partition's resume point is a place before the first of them; those with time < F that are read again are skipped,
//! because the partition's frontier at that place is restored and gives them the same time as before.
//!
//! What is skipped is not compared with anything, so a resume point names the last record that the run up to F had
//! relied on: the one whose reading has brought the partition's frontier to F. If that is still the same, so are all
//! before it.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::progress::last_record::LastRecord;
use crate::progress::partition::PartitionFrontier;
use crate::progress::time::Time;

/// A place to resume reading a partition, and the partition's frontier there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumePoint {
    /// The partition.
    pub partition: u32,
    /// The first offset to read.
    pub offset: u64,
    /// The partition's frontier and live sources before that offset.
    pub frontier: PartitionFrontier,
    /// The last record before that offset, or the last one that the frontier relies on if that is a later one. None if
    /// no record was read.
    pub last: Option<LastRecord>,
}

impl ResumePoint {
    /// A place of which nothing is known.
    pub fn fresh(partition: u32, offset: u64) -> Self {
        Self { partition, offset, frontier: PartitionFrontier::default(), last: None }
    }
}

/// Records between marks, at least, unless the frontier moved: marks cost a copy of the partition's frontier.
const MARK_RECORDS: u64 = 4096;

/// Marks, at most: each holds the progress of all live sources.
const MARKS_MAX: usize = 128;

/// Places of one partition from which a later run may resume.
#[derive(Debug)]
pub struct ResumeTrail {
    marks: VecDeque<Mark>,
    /// For each partition frontier that was reached, the last record read by then. Ascending.
    reached: VecDeque<(u64, LastRecord)>,
    /// The last partition frontier that was looked at.
    reached_ms: Option<u64>,
    /// Records by the greatest time in each, from some frontier on.
    waiting: BTreeMap<Time, u64>,
    /// The greatest time in the record at hand.
    record_time: Option<Time>,
    /// Records of one time that are not in `waiting` yet: mostly many in a row have the same.
    run: (Time, u64),
}

#[derive(Debug)]
struct Mark {
    point: ResumePoint,
    /// Records from here to the next mark.
    records: u64,
    /// The greatest time among them.
    time_max: Option<Time>,
}

impl ResumeTrail {
    /// A trail that starts where reading starts.
    pub fn new(start: ResumePoint) -> Self {
        let reached_ms = start.frontier.frontier_ms();
        let marks = VecDeque::from([Mark { point: start, records: 0, time_max: None }]);
        let (reached, waiting) = (VecDeque::new(), BTreeMap::new());
        Self { marks, reached, reached_ms, waiting, record_time: None, run: (0, 0) }
    }

    /// Looks whether the frontier has moved. `before` gives the record that was read last.
    pub fn reach(&mut self, frontier: &PartitionFrontier, before: impl FnOnce() -> Option<LastRecord>) {
        if frontier.frontier_ms() <= self.reached_ms {
            return;
        }
        self.reached_ms = frontier.frontier_ms();
        if self.reached.len() >= MARKS_MAX {
            // For the frontiers of those that go the next one counts: a later record.
            let mut at = 0;
            self.reached.retain(|_| {
                at += 1;
                at % 2 == 0
            });
        }
        self.reached.extend(self.reached_ms.zip(before()));
    }

    /// Sets a mark before the record at `offset`, unless the last one is near. `before` gives the record before it.
    pub fn mark(&mut self, offset: u64, frontier: &PartitionFrontier, before: impl FnOnce() -> Option<LastRecord>) {
        let Some(last) = self.marks.back_mut() else { return };
        let moved = last.point.frontier.frontier_ms() != frontier.frontier_ms();
        if last.records >= MARK_RECORDS || (moved && last.records > 0) {
            let partition = last.point.partition;
            let point = ResumePoint { partition, offset, frontier: frontier.clone(), last: before() };
            if self.marks.len() >= MARKS_MAX {
                self.thin_out();
            }
            self.marks.push_back(Mark { point, records: 0, time_max: None });
        }
    }

    /// Sets a mark at the trail's end, where nothing waits: later resume points are not before it.
    pub fn mark_end(&mut self, end: &ResumePoint) {
        let new = Mark { point: end.clone(), records: 0, time_max: None };
        match self.marks.back_mut() {
            Some(last) if last.records == 0 => *last = new,
            _ => self.marks.push_back(new),
        }
    }

    /// Joins the two neighbours with the fewest records.
    fn thin_out(&mut self) {
        let records = |at: &usize| self.marks[*at].records + self.marks[*at + 1].records;
        let Some(at) = (0..self.marks.len().saturating_sub(1)).min_by_key(records) else { return };
        if let Some(joined) = self.marks.remove(at + 1) {
            let mark = &mut self.marks[at];
            mark.records += joined.records;
            mark.time_max = mark.time_max.max(joined.time_max);
        }
    }

    /// Something in the record at hand, after the last mark, has this time.
    #[inline]
    pub fn note(&mut self, time: Time) {
        self.record_time = self.record_time.max(Some(time));
        if let Some(last) = self.marks.back_mut() {
            last.records += 1;
            last.time_max = last.time_max.max(Some(time));
        }
    }

    /// Something in an earlier record, after the last mark, has this time: it had waited to be confirmed.
    pub fn note_settled(&mut self, time: Time) {
        if let Some(last) = self.marks.back_mut() {
            last.time_max = last.time_max.max(Some(time));
        }
        *self.waiting.entry(time).or_default() += 1;
    }

    /// Something in the record at hand has this time, and checkpoints hold it: the record need not be read again.
    pub fn note_kept(&mut self, time: Time) {
        self.record_time = self.record_time.max(Some(time));
    }

    /// Something in an earlier record has this time, and checkpoints hold it.
    pub fn note_settled_kept(&mut self, time: Time) {
        *self.waiting.entry(time).or_default() += 1;
    }

    /// The record at hand is complete.
    #[inline]
    pub fn end_record(&mut self) {
        let Some(time) = self.record_time.take() else { return };
        if self.run.0 != time {
            self.end_run();
            self.run.0 = time;
        }
        self.run.1 += 1;
    }

    fn end_run(&mut self) {
        let (time, records) = std::mem::take(&mut self.run);
        if records > 0 {
            *self.waiting.entry(time).or_default() += records;
        }
    }

    /// Where to resume as of `frontier`: the last mark before which every record has an earlier time.
    /// Without such a mark it is `end`, the trail's end, unless a record after the last mark has no time yet.
    pub fn resume_point(&self, frontier: Time, end: ResumePoint, has_waiting: bool) -> ResumePoint {
        let open = self.marks.iter().find(|m| m.time_max.is_some_and(|time| time >= frontier));
        let Some(mark) = open.or_else(|| self.marks.back().filter(|_| has_waiting)) else { return end };
        let by_then = self.reached.iter().find(|(reached_ms, _)| *reached_ms >= frontier).map(|(_, last)| *last);
        let last = [by_then.or(end.last), mark.point.last].into_iter().flatten().max_by_key(|last| last.offset);
        ResumePoint { last, ..mark.point.clone() }
    }

    /// Records with a time at or after `frontier`, which is not before the last one given to [`Self::forget`].
    pub fn records_from(&self, frontier: Time) -> u64 {
        let run = if self.run.0 >= frontier { self.run.1 } else { 0 };
        self.waiting.range(frontier..).map(|(_, records)| records).sum::<u64>() + run
    }

    /// The partition frontier at the first mark, from which a later run may resume.
    pub fn first_frontier_ms(&self) -> Option<u64> {
        self.marks.front().and_then(|mark| mark.point.frontier.frontier_ms())
    }

    /// Forgets the marks that no checkpoint at or after `frontier` needs, and the records before it.
    pub fn forget(&mut self, frontier: Time) {
        if self.waiting.first_key_value().is_some_and(|(time, _)| *time < frontier) {
            self.waiting = self.waiting.split_off(&frontier);
        }
        while self.reached.front().is_some_and(|(reached_ms, _)| *reached_ms < frontier) {
            self.reached.pop_front();
        }
        while self.marks.len() > 1 && self.marks[0].time_max.is_none_or(|time| time < frontier) {
            self.marks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_count_once_by_their_greatest_time() {
        let start = ResumePoint::fresh(0, 0);
        let mut trail = ResumeTrail::new(start);
        for times in [&[5, 7][..], &[7], &[], &[9, 6], &[5], &[9]] {
            times.iter().for_each(|time| trail.note(*time));
            trail.end_record();
        }
        assert_eq!([0, 6, 7, 8, 10].map(|frontier| trail.records_from(frontier)), [5, 4, 4, 2, 0]);
        trail.forget(8);
        assert_eq!([8, 9].map(|frontier| trail.records_from(frontier)), [2, 2]);
    }

    #[test]
    fn marks_are_bounded_and_still_precede_every_open_record() {
        let point = |offset| ResumePoint::fresh(0, offset);
        let mut trail = ResumeTrail::new(point(0));
        for offset in 0..100_000 {
            let frontier = PartitionFrontier::at(Some(offset), BTreeMap::new());
            let before = LastRecord { offset: offset.wrapping_sub(1), hash: 0, leader_epoch: None };
            trail.mark(offset, &frontier, || Some(before));
            trail.note(offset);
            trail.end_record();
            assert!(trail.marks.len() <= MARKS_MAX);
        }
        for open in [0, 1, 777, 50_000, 99_999] {
            let resume = trail.resume_point(open, point(100_000), false);
            assert!(resume.offset <= open && open - resume.offset < 100_000 / 32, "{open}: {}", resume.offset);
            let last = resume.last.map_or(0, |last| last.offset + 1);
            assert!((resume.offset..resume.offset + 100_000 / 32).contains(&last), "{resume:?}");
        }
        assert_eq!(trail.resume_point(100_000, point(100_000), false), point(100_000));
    }

    #[test]
    fn a_resume_point_names_the_record_that_its_frontier_relies_on() {
        let record = |offset| LastRecord { offset, hash: 7, leader_epoch: None };
        let mut trail = ResumeTrail::new(ResumePoint::fresh(0, 0));
        let read = |trail: &mut ResumeTrail, offset: u64, frontier_ms, time| {
            let frontier = PartitionFrontier::at(frontier_ms, BTreeMap::new());
            let before = || offset.checked_sub(1).map(record);
            trail.reach(&frontier, before);
            trail.mark(offset, &frontier, before);
            trail.note(time);
            trail.end_record();
        };
        // A trade ahead of the frontier, and then what moves it.
        read(&mut trail, 0, None, 9);
        read(&mut trail, 1, None, 0);
        read(&mut trail, 2, Some(5), 5);
        read(&mut trail, 3, Some(8), 8);
        let end = ResumePoint { last: Some(record(3)), ..ResumePoint::fresh(0, 4) };
        let last = |frontier| {
            let point = trail.resume_point(frontier, end.clone(), false);
            (point.offset, point.last.map(|last| last.offset))
        };
        assert_eq!([4, 5, 6, 8].map(last), [(0, Some(1)), (0, Some(1)), (0, Some(2)), (0, Some(2))]);
        assert_eq!(last(9), (0, Some(3)), "nothing was read after the frontier came to it");
        assert_eq!(last(10), (4, Some(3)));
    }

    #[test]
    fn a_record_without_a_time_is_read_again() {
        let point = |offset| ResumePoint::fresh(0, offset);
        let mut trail = ResumeTrail::new(point(3));
        trail.note(5);
        trail.end_record();
        assert_eq!(trail.resume_point(6, point(9), false), point(9));
        assert_eq!(trail.resume_point(6, point(9), true), point(3), "it waits, after the only mark");
        trail.note_settled(8);
        assert_eq!(trail.resume_point(6, point(9), false), point(3));
        assert_eq!((trail.records_from(6), trail.records_from(9)), (1, 0));
    }
}
