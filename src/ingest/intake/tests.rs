//! Tests of the intake against writers that block or lose records.

use std::sync::mpsc as std_mpsc;
use std::time::Duration;

use super::*;
use crate::finnhub::{FeedConfig, Secret};
use crate::ingest::state_file::StateFile;
use crate::ingest::writer::job::{self, QueueConfig, QueueLimits};
use crate::ingest::writer::queue;
use crate::ingest::{IngestReport, report};
use crate::log::{DeliveryReport, LogError, LogWriter};

mod life;

/// Writer that blocks until it is released.
struct Blocked {
    entered: std_mpsc::Sender<()>,
    go: std_mpsc::Receiver<()>,
    written: std_mpsc::Sender<String>,
}

impl LogWriter for Blocked {
    fn partitions(&self) -> u32 {
        1
    }

    fn append(&mut self, _: u32, _: Option<&[u8]>, record: &[u8]) -> Result<(), LogError> {
        let _ = self.entered.send(());
        // An error means that the sender was dropped: from then on nothing blocks.
        let _ = self.go.recv();
        self.written.send(String::from_utf8_lossy(record).into_owned()).unwrap();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    fn sync(&mut self) -> Result<(), LogError> {
        Ok(())
    }
}

/// Intake of the source `s` whose events have times in milliseconds; Unix time begins with it.
struct Feed {
    intake: Intake,
    start: Instant,
}

impl Feed {
    fn new(
        writer: impl LogWriter + 'static,
        limits: QueueLimits,
        predecessor_ms: Option<u64>,
        state: Option<StateFile>,
    ) -> (Self, job::Result) {
        let feed = FeedConfig::new(String::new(), Secret::new(""), Vec::new());
        let config = IngestConfig::new(feed, "s".to_owned());
        let (source, meter) = (config.source.clone(), config.meter.clone());
        let start = Instant::now();
        let clock = Clock::new(Reading { at: start, wall_ms: 0, is_exact: true });
        let max_out_of_orderness_ms = config.max_out_of_orderness_ms;
        let time = clock.time().clone();
        let queue_config = QueueConfig { limits, source, max_out_of_orderness_ms, state, meter, time };
        let (queue, result) = queue::start(Box::new(writer), queue_config).unwrap();
        (Self { intake: Intake::new(&config, clock, queue, predecessor_ms), start }, result)
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    fn text(&mut self, text: &str, ms: u64) {
        let at = self.at(ms);
        self.intake.take(FeedEvent::Received(Received::Text { text: text.into(), at }), at).unwrap();
    }

    fn connected(&mut self, ms: u64) {
        self.intake.take(FeedEvent::Connected, self.at(ms)).unwrap();
    }

    fn lost(&mut self, cause: &str, ms: u64) {
        self.intake.take(FeedEvent::Lost { cause: cause.to_owned() }, self.at(ms)).unwrap();
    }

    fn alive(&mut self, as_of_ms: u64, ms: u64) {
        let (as_of, at) = (self.at(as_of_ms), self.at(ms));
        self.intake.take(FeedEvent::Received(Received::Alive { as_of, at }), at).unwrap();
    }

    /// A moment to report progress, with a wall clock that is ahead by `ahead_ms`.
    fn progress_with(&mut self, ms: u64, ahead_ms: i64) {
        let wall_ms = ms.saturating_add_signed(ahead_ms);
        self.intake.progress(Reading { at: self.at(ms), wall_ms, is_exact: true }).unwrap();
    }

    fn progress(&mut self, ms: u64) {
        self.progress_with(ms, 0);
    }

    fn end(self, clean: bool, ms: u64) {
        let now = self.at(ms);
        self.intake.end(clean, now)();
    }
}

fn progress(event_ms: u64) -> String {
    format!(r#"{{"type":"progress","source":"s","event_ms":{event_ms}}}"#)
}

fn gap(from_ms: u64, to_ms: u64, cause: &str) -> String {
    format!(r#"{{"type":"gap","source":"s","from_ms":{from_ms},"to_ms":{to_ms},"cause":"{cause}"}}"#)
}

const BYE: &str = r#"{"type":"bye","source":"s"}"#;

/// Takes 100 frames of one trade each while the log blocks; returns the report and the written records.
fn flooded(limits: QueueLimits) -> (IngestReport, Vec<String>) {
    let (go, blocked) = std_mpsc::channel();
    let (written, records) = std_mpsc::channel();
    let (entered, blocks) = std_mpsc::channel();
    let (mut feed, result) = Feed::new(Blocked { entered, go: blocked, written }, limits, None, None);
    let meter = feed.intake.meter.clone();
    for t in 0..100 {
        feed.text(&format!(r#"{{"data":[{{"s":"A","t":{t}}}],"type":"trade"}}"#), 10_000 + t);
        if t == 0 {
            // From here on the log blocks with the first trade.
            blocks.recv().unwrap();
        }
    }
    feed.alive(20_000, 20_050);
    feed.progress(20_100);
    // Without a new sign of life it is repeated.
    feed.progress(21_100);
    drop(go);
    feed.end(true, 21_200);
    let written: Vec<String> = records.iter().collect();
    let ended = result.blocking_recv().unwrap().unwrap();
    assert!(ended.all_reported);
    assert_eq!(ended.records, written.len() as u64);
    (report(&meter), written)
}

#[test]
fn a_full_queue_rejects_trades() {
    let narrow = QueueLimits { frames_max: 4, ..QueueLimits::default() };
    let small = QueueLimits { bytes_max: 60, ..QueueLimits::default() };
    for limits in [narrow, small] {
        let (report, written) = flooded(limits);
        assert_eq!(report.trades + report.rejected, 100);
        assert!(report.rejected >= 90 && report.trades > 0, "{report:?}");
        let trades = written.iter().filter(|record| record.starts_with(r#"{"s":"#)).count() as u64;
        assert_eq!(trades, report.trades);
        let cause = rejection((0, 0, report.rejected)).cause;
        let gap = gap(10_000 + report.trades - 1_500, 10_099, &cause);
        assert_eq!(written[trades as usize..], [gap, progress(18_500), progress(18_500), BYE.to_owned()]);
    }
}

#[test]
fn a_large_queue_rejects_nothing() {
    let (report, written) = flooded(QueueLimits::default());
    assert_eq!((report.trades, report.rejected, report.gaps), (100, 0, 0));
    assert_eq!(written.len(), 100 + 3);
}

#[test]
fn gaps_without_room_are_merged() {
    let (go, blocked) = std_mpsc::channel();
    let (written, records) = std_mpsc::channel();
    let limits = QueueLimits { frames_max: 1, ..QueueLimits::default() };
    let (entered, _blocks) = std_mpsc::channel();
    let (mut feed, _result) = Feed::new(Blocked { entered, go: blocked, written }, limits, None, None);
    let meter = feed.intake.meter.clone();
    for second in 0..200u64 {
        let ms = second * 1_000;
        feed.lost(&format!("cut {second}"), ms);
        feed.connected(ms + 10_000);
        feed.alive(ms + 10_100, ms + 10_200);
    }
    drop(go);
    feed.end(false, 210_000);
    let gaps: Vec<serde_json::Value> = records.iter().map(|gap| serde_json::from_str(&gap).unwrap()).collect();
    assert_eq!(gaps.len() as u64, meter.gaps());
    assert!(gaps.len() < 199, "some did not fit");
    // Together they cover the whole time from the first sign of life to that of the last connection.
    assert_eq!(gaps[0]["from_ms"], 8_600);
    assert_eq!(gaps[gaps.len() - 1]["to_ms"], 209_200);
    for pair in gaps.windows(2) {
        assert!(pair[1]["from_ms"].as_u64() <= pair[0]["to_ms"].as_u64());
    }
}

/// Writer that acknowledges only on sync, and loses the first records.
struct Lossy {
    lost_left: u64,
    waiting: Vec<u32>,
    delivery_reports: Vec<DeliveryReport>,
    written: std_mpsc::Sender<String>,
}

impl LogWriter for Lossy {
    fn partitions(&self) -> u32 {
        1
    }

    fn append(&mut self, partition: u32, _: Option<&[u8]>, record: &[u8]) -> Result<(), LogError> {
        self.waiting.push(partition);
        self.written.send(String::from_utf8_lossy(record).into_owned()).unwrap();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    fn sync(&mut self) -> Result<(), LogError> {
        for partition in self.waiting.drain(..) {
            let after = Duration::from_millis(1);
            let lost = self.lost_left > 0;
            self.lost_left -= u64::from(lost);
            self.delivery_reports.push(if lost {
                DeliveryReport::Lost { partition, after }
            } else {
                DeliveryReport::Acknowledged { partition, after }
            });
        }
        Ok(())
    }

    fn has_delivery_reports(&self) -> bool {
        true
    }

    fn delivery_reports(&mut self, tell: &mut dyn FnMut(DeliveryReport)) {
        self.delivery_reports.drain(..).for_each(tell);
    }
}

/// Ends after ten trades and a number of lost records: whether all losses are reported, and the last records.
fn ended_with_losses(lost_left: u64) -> (bool, u64, Vec<String>) {
    let (written, records) = std_mpsc::channel();
    let writer = Lossy { lost_left, waiting: Vec::new(), delivery_reports: Vec::new(), written };
    let (mut feed, result) = Feed::new(writer, QueueLimits::default(), None, None);
    let meter = feed.intake.meter.clone();
    for _ in 0..10 {
        feed.text(r#"{"data":[{"s":"A"}],"type":"trade"}"#, 0);
    }
    feed.end(true, 0);
    let all_reported = result.blocking_recv().unwrap().unwrap().all_reported;
    (all_reported, meter.lost.get(), records.iter().skip(10).collect())
}

#[test]
fn losses_are_reported_before_the_bye() {
    assert_eq!(ended_with_losses(0), (true, 0, vec![BYE.to_owned()]));
    let (all_reported, lost, last) = ended_with_losses(4);
    assert!(all_reported && lost == 4 && last.len() == 2 && last[1] == BYE, "{last:?}");
    assert!(last[0].starts_with(r#"{"type":"gap""#) && last[0].contains("4 records"), "{last:?}");
    // The first gap is lost as well; the second one begins no later.
    let (all_reported, lost, last) = ended_with_losses(11);
    assert!(all_reported && lost == 11 && last.len() == 3, "{last:?}");
    let from = |gap: &str| serde_json::from_str::<serde_json::Value>(gap).unwrap()["from_ms"].as_u64().unwrap();
    assert!(from(&last[1]) <= from(&last[0]), "{last:?}");
    let (all_reported, _, last) = ended_with_losses(u64::MAX);
    assert!(!all_reported && !last.contains(&BYE.to_owned()), "{last:?}");
}

#[test]
fn a_predecessor_without_a_bye_is_a_gap() {
    for connects in [true, false] {
        let (written, records) = std_mpsc::channel();
        let writer = Lossy { lost_left: 0, waiting: Vec::new(), delivery_reports: Vec::new(), written };
        let (mut feed, _result) = Feed::new(writer, QueueLimits::default(), Some(1_000), None);
        // There is no progress before the first sign of life.
        feed.progress(3_000);
        if connects {
            feed.connected(4_000);
            feed.progress(5_000);
            feed.alive(5_200, 5_300);
            feed.progress(6_000);
        }
        feed.end(true, if connects { 6_000 } else { 9_000 });
        let to_ms = if connects { 5_300 } else { 9_000 };
        let mut expected =
            vec![gap(1_000, to_ms, "the source's process ended without a bye"), progress(3_700), BYE.to_owned()];
        if !connects {
            expected.remove(1);
        }
        assert_eq!(records.iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn state_is_written_before_the_first_record() {
    let home = tempfile::tempdir().unwrap();
    let state = StateFile::new(home.path().join("s"), "s".to_owned());
    // The predecessor left with a bye; this one dies before the log has acknowledged anything.
    state.write(7, true).unwrap();
    let (written, _records) = std_mpsc::channel();
    let writer = Lossy { lost_left: u64::MAX, waiting: Vec::new(), delivery_reports: Vec::new(), written };
    let (mut feed, result) = Feed::new(writer, QueueLimits::default(), None, Some(state.clone()));
    feed.connected(4_000);
    feed.text(r#"{"data":[{"s":"A"}],"type":"trade"}"#, 5_000);
    drop(feed);
    assert!(!result.blocking_recv().unwrap().unwrap().all_reported);
    assert_eq!(state.predecessor_ms().unwrap(), Some(2_500));
}
