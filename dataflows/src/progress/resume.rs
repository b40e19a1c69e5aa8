//! From a frontier to the offset to read from.
//!
//! A record's time is fixed when it is read. To resume as of F, every record with time >= F must be read again, so a
//! partition's resume point is a place before the first of them; those with time < F that are read again are skipped,
//! because the partition's frontier at that place is restored and gives them the same time as before.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

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
}

/// Records between marks, at least, unless the frontier moved: marks cost a copy of the partition's frontier.
const MARK_RECORDS: u64 = 4096;

/// Places of one partition from which a later run may resume.
#[derive(Debug)]
pub struct ResumeTrail {
    marks: VecDeque<Mark>,
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
        Self { marks: VecDeque::from([Mark { point: start, records: 0, time_max: None }]) }
    }

    /// Sets a mark before the record at `offset`, unless the last one is near.
    pub fn mark(&mut self, offset: u64, frontier: &PartitionFrontier) {
        let Some(last) = self.marks.back_mut() else { return };
        let moved = last.point.frontier.frontier_ms() != frontier.frontier_ms();
        if last.records >= MARK_RECORDS || (moved && last.records > 0) {
            let point = ResumePoint { partition: last.point.partition, offset, frontier: frontier.clone() };
            self.marks.push_back(Mark { point, records: 0, time_max: None });
        }
    }

    /// Adds a record with this time after the last mark.
    #[inline]
    pub fn note(&mut self, time: Time) {
        if let Some(last) = self.marks.back_mut() {
            last.records += 1;
            last.time_max = last.time_max.max(Some(time));
        }
    }

    /// Where to resume as of `frontier`: the last mark before which every record has an earlier time.
    /// Without such a mark it is `end`, the trail's end.
    pub fn resume_point(&self, frontier: Time, end: ResumePoint) -> ResumePoint {
        let open = self.marks.iter().find(|m| m.time_max.is_some_and(|time| time >= frontier));
        open.map_or(end, |mark| mark.point.clone())
    }

    /// Records after the last stretch with times before `frontier`: those that wait for it, apart from single trades
    /// far ahead.
    pub fn records_from(&self, frontier: Time) -> u64 {
        self.marks.iter().rev().take_while(|m| m.time_max.is_none_or(|time| time >= frontier)).map(|m| m.records).sum()
    }

    /// Forgets the marks that no checkpoint at or after `frontier` needs.
    pub fn forget(&mut self, frontier: Time) {
        while self.marks.len() > 1 && self.marks[0].time_max.is_none_or(|time| time < frontier) {
            self.marks.pop_front();
        }
    }
}
