//! A log that is played: each record is given when the clock has reached its partition's frontier after it, or, in a
//! log without progress records, its event time.
//!
//! Records come in their order and none is left out, so a run over it makes the rows of the log.

use std::sync::Arc;
use std::thread::Thread;

use dataflows::ingress::frontier_scan::FrontierScan;
use dataflows::log::batch::RecordBatch;
use dataflows::progress::time::{MAX_AHEAD_TRADE_MS, Time};

use super::clock::PlayClock;
use crate::log::progress_log::ProgressLog;
use crate::log::{Cleanup, Log, LogError, PartitionReader};

/// A log at the pace of a clock.
pub struct PlayLog {
    log: Box<dyn Log>,
    clock: Arc<PlayClock>,
}

impl PlayLog {
    /// A log whose records are given when the clock reaches them.
    pub const fn new(log: Box<dyn Log>, clock: Arc<PlayClock>) -> Self {
        Self { log, clock }
    }
}

impl Log for PlayLog {
    fn partitions(&self) -> u32 {
        self.log.partitions()
    }

    fn first_offset(&self, partition: u32) -> Result<u64, LogError> {
        self.log.first_offset(partition)
    }

    fn end_offset(&self, partition: u32) -> Result<u64, LogError> {
        self.log.end_offset(partition)
    }

    fn reader(&self, partition: u32, offset: u64) -> Result<Box<dyn PartitionReader>, LogError> {
        Ok(Box::new(PlayReader {
            reader: self.log.reader(partition, offset)?,
            end: self.log.end_offset(partition)?,
            partition,
            clock: Arc::clone(&self.clock),
            scan: FrontierScan::default(),
            reached: Reached::default(),
            is_first: true,
            fetched: RecordBatch::default(),
            times: Vec::new(),
            given: 0,
        }))
    }

    fn name(&self) -> String {
        self.log.name()
    }

    fn cleanup(&self) -> Result<Cleanup, LogError> {
        self.log.cleanup()
    }

    fn identity(&self) -> String {
        self.log.identity()
    }

    fn progress_log(&self) -> Option<&ProgressLog> {
        self.log.progress_log()
    }
}

/// Reader of one partition.
struct PlayReader {
    reader: Box<dyn PartitionReader>,
    /// The end when it was opened: a run ends there.
    end: u64,
    partition: u32,
    clock: Arc<PlayClock>,
    scan: FrontierScan,
    reached: Reached,
    /// A start reads one record again before it does anything else, whatever its time.
    is_first: bool,
    /// Records that were read from the log.
    fetched: RecordBatch,
    /// When each of them is given; ascending.
    times: Vec<Time>,
    /// How many of them were given.
    given: usize,
}

/// How far the times of a partition's records are.
#[derive(Default)]
struct Reached {
    ms: Time,
    /// A time so far ahead that another trade has to agree.
    doubtful_ms: Option<Time>,
}

impl Reached {
    fn note(&mut self, time_ms: Time) {
        self.ms = self.ms.max(time_ms);
    }

    /// Without progress, a trade that is far ahead counts when the next one agrees: a clock that is wrong must not hold
    /// back the rest.
    fn leap(&mut self, time_ms: Time) {
        let is_near = |other_ms: Time| time_ms.abs_diff(other_ms) <= MAX_AHEAD_TRADE_MS;
        if self.ms > 0 && time_ms > self.ms && !is_near(self.ms) && !self.doubtful_ms.is_some_and(is_near) {
            self.doubtful_ms = Some(time_ms);
        } else {
            self.note(time_ms);
        }
    }
}

impl PlayReader {
    /// Reads the next records from the log. Returns whether there are any.
    fn fetch(&mut self, bytes_max: usize) -> Result<bool, LogError> {
        self.reader.read(&mut self.fetched, bytes_max)?;
        self.times.clear();
        self.given = 0;
        for span in &self.fetched.records {
            let time = self.scan.read(span, self.fetched.record(span), |_| {});
            match self.scan.frontier.frontier_ms() {
                Some(frontier_ms) => self.reached.note(frontier_ms),
                None => self.reached.leap(time.unwrap_or(0)),
            }
            self.times.push(if std::mem::take(&mut self.is_first) { 0 } else { self.reached.ms });
        }
        Ok(!self.fetched.records.is_empty())
    }

    /// Moves the records from `self.given` to `to` into a batch.
    fn give(&mut self, to: usize, batch: &mut RecordBatch) {
        if self.given == 0 && to == self.fetched.records.len() {
            std::mem::swap(batch, &mut self.fetched);
            self.fetched.clear();
            self.times.clear();
            return;
        }
        let spans = &self.fetched.records[self.given..to];
        let start = spans.iter().map(|span| span.start).min().unwrap_or(0);
        let end = spans.iter().map(|span| span.start + span.len).max().unwrap_or(start);
        batch.bytes.extend_from_slice(&self.fetched.bytes[start..end]);
        batch.records.extend(spans.iter().map(|span| {
            let mut span = *span;
            span.start -= start;
            span
        }));
        self.given = to;
    }
}

impl PartitionReader for PlayReader {
    fn read(&mut self, batch: &mut RecordBatch, bytes_max: usize) -> Result<(), LogError> {
        batch.clear();
        if self.given == self.times.len() && !self.fetch(bytes_max)? {
            if self.reader.position() >= self.end {
                self.clock.wait(self.partition, None);
            }
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        let to = self.times.partition_point(|time| *time <= now_ms);
        if to > self.given {
            self.give(to, batch);
        } else {
            self.clock.wait(self.partition, self.times.get(self.given).copied());
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.fetched.records.get(self.given).map_or_else(|| self.reader.position(), |span| span.offset)
    }

    fn unread(&self) -> Option<u64> {
        let held = self.fetched.records.len() - self.given;
        self.reader.unread().map(|unread| unread + held as u64)
    }

    fn wake(&mut self, thread: Thread) {
        self.reader.wake(thread);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of one partition with these progress records, each followed by a trade of its time.
    struct Progress(Vec<u64>);

    struct Reader(Vec<String>, u64);

    impl Log for Progress {
        fn partitions(&self) -> u32 {
            1
        }
        fn first_offset(&self, _: u32) -> Result<u64, LogError> {
            Ok(0)
        }
        fn end_offset(&self, _: u32) -> Result<u64, LogError> {
            Ok(2 * self.0.len() as u64)
        }
        fn reader(&self, _: u32, offset: u64) -> Result<Box<dyn PartitionReader>, LogError> {
            let progress = |ms: &u64| format!(r#"{{"type":"progress","source":"a","event_ms":{ms}}}"#);
            let trade = |ms: &u64| format!(r#"{{"s":"A","p":1,"v":1,"t":{ms}}}"#);
            Ok(Box::new(Reader(self.0.iter().flat_map(|ms| [progress(ms), trade(ms)]).collect(), offset)))
        }
        fn name(&self) -> String {
            "test".to_owned()
        }
    }

    impl PartitionReader for Reader {
        fn read(&mut self, batch: &mut RecordBatch, bytes_max: usize) -> Result<(), LogError> {
            batch.clear();
            while batch.bytes.len() < bytes_max && (self.1 as usize) < self.0.len() {
                batch.push(self.1, self.0[self.1 as usize].as_bytes(), None);
                self.1 += 1;
            }
            Ok(())
        }
        fn position(&self) -> u64 {
            self.1
        }
    }

    #[test]
    fn a_time_far_ahead_counts_when_another_agrees() {
        let mut reached = Reached::default();
        for (time_ms, ms) in [(50_000, 50_000), (90_000_000, 50_000), (51_000, 51_000), (90_000_000, 90_000_000)] {
            reached.leap(time_ms);
            assert_eq!(reached.ms, ms);
        }
        reached.leap(180_000_000);
        reached.leap(180_001_000);
        assert_eq!(reached.ms, 180_001_000);
    }

    #[test]
    fn records_are_given_at_their_time_in_order() {
        let base = 1_700_000_000_000;
        let times: Vec<u64> = (0..40).map(|n| base + n * 1_000).collect();
        for bytes_max in [1, 150, 1 << 20] {
            let clock = Arc::new(PlayClock::new(base + 5_500, 1.0, 1, 1_000));
            clock.pause();
            let log = PlayLog::new(Box::new(Progress(times.clone())), Arc::clone(&clock));
            let mut reader = log.reader(0, 0).unwrap();
            let (mut batch, mut given) = (RecordBatch::default(), Vec::new());
            let mut read = |given: &mut Vec<(u64, String)>| {
                for _ in 0..100 {
                    reader.read(&mut batch, bytes_max).unwrap();
                    let text = |span| String::from_utf8(batch.record(span).to_vec()).unwrap();
                    given.extend(batch.records.iter().map(|span| (span.offset, text(span))));
                    assert_eq!(reader.position(), given.len() as u64);
                }
            };
            read(&mut given);
            assert_eq!(given.len(), 12, "progress up to 5 s, and what follows it");
            assert!(clock.view().has_started);
            clock.step();
            read(&mut given);
            assert_eq!(given.len(), 14);
            (0..50).for_each(|_| clock.step());
            read(&mut given);
            let Ok(mut whole) = Progress(times.clone()).reader(0, 0) else { panic!("no reader") };
            let mut all = RecordBatch::default();
            whole.read(&mut all, 1 << 20).unwrap();
            let all: Vec<_> = all
                .records
                .iter()
                .map(|span| (span.offset, String::from_utf8(all.record(span).to_vec()).unwrap()))
                .collect();
            assert_eq!(given, all);
        }
    }
}
