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

/// Intake of the source `s` with a queue to a writer.
fn intake(writer: impl LogWriter + 'static, limits: QueueLimits, predecessor_ms: Option<u64>) -> (Intake, job::Result) {
    intake_with(writer, limits, predecessor_ms, None)
}

fn intake_with(
    writer: impl LogWriter + 'static,
    limits: QueueLimits,
    predecessor_ms: Option<u64>,
    state: Option<StateFile>,
) -> (Intake, job::Result) {
    let feed = FeedConfig::new(String::new(), Secret::new(""), Vec::new());
    let config = IngestConfig::new(feed, "s".to_owned());
    let (source, meter) = (config.source.clone(), config.meter.clone());
    let queue_config =
        QueueConfig { limits, source, max_out_of_orderness_ms: config.max_out_of_orderness_ms, state, meter };
    let (queue, result) = queue::start(Box::new(writer), queue_config).unwrap();
    (Intake::new(&config, queue, predecessor_ms), result)
}

fn text(text: &str) -> FeedEvent {
    FeedEvent::Text { text: text.into(), at: Instant::now() }
}

/// Takes 100 frames of one trade each while the log blocks; returns the report and the written records.
fn flooded(limits: QueueLimits) -> (IngestReport, Vec<String>) {
    let (go, blocked) = std_mpsc::channel();
    let (written, records) = std_mpsc::channel();
    let (entered, blocks) = std_mpsc::channel();
    let (mut ingest, result) = intake(Blocked { entered, go: blocked, written }, limits, None);
    let meter = ingest.meter.clone();
    for t in 0..100 {
        let frame = format!(r#"{{"data":[{{"s":"A","t":{t}}}],"type":"trade"}}"#);
        ingest.take(text(&frame), 10_000 + t).unwrap();
        if t == 0 {
            // From here on the log blocks with the first trade.
            blocks.recv().unwrap();
        }
    }
    ingest.progress(20_000).unwrap();
    ingest.progress(15_000).unwrap();
    drop(go);
    ingest.end(true, 20_000)();
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
        let gap = format!(
            r#"{{"type":"gap","source":"s","from_ms":{},"to_ms":10099,"cause":"{}"}}"#,
            10_000 + report.trades - 1_500,
            rejection((0, 0, report.rejected)).cause
        );
        let progress = r#"{"type":"progress","source":"s","event_ms":18500}"#;
        let bye = r#"{"type":"bye","source":"s"}"#;
        assert_eq!(written[trades as usize..], [gap.as_str(), progress, progress, bye]);
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
    let (mut ingest, _result) = intake(Blocked { entered, go: blocked, written }, limits, None);
    let meter = ingest.meter.clone();
    for second in 0..200u64 {
        ingest.take(FeedEvent::Lost { cause: format!("cut {second}") }, second * 1_000).unwrap();
        ingest.take(FeedEvent::Connected, second * 1_000 + 10_000).unwrap();
    }
    drop(go);
    ingest.end(false, 210_000)();
    let gaps: Vec<serde_json::Value> = records.iter().map(|gap| serde_json::from_str(&gap).unwrap()).collect();
    assert_eq!(gaps.len() as u64, meter.gaps());
    assert!(gaps.len() < 199, "some did not fit");
    // Together they cover the whole time from the first connection to the last.
    assert_eq!(gaps[0]["from_ms"], 8_500);
    assert_eq!(gaps[gaps.len() - 1]["to_ms"], 209_000);
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
    let (mut ingest, result) = intake(writer, QueueLimits::default(), None);
    let meter = ingest.meter.clone();
    for _ in 0..10 {
        ingest.take(text(r#"{"data":[{"s":"A"}],"type":"trade"}"#), crate::ingest::now_ms()).unwrap();
    }
    ingest.end(true, crate::ingest::now_ms())();
    let all_reported = result.blocking_recv().unwrap().unwrap().all_reported;
    (all_reported, meter.lost.get(), records.iter().skip(10).collect())
}

#[test]
fn losses_are_reported_before_the_bye() {
    let bye = r#"{"type":"bye","source":"s"}"#;
    assert_eq!(ended_with_losses(0), (true, 0, vec![bye.to_owned()]));
    let (all_reported, lost, last) = ended_with_losses(4);
    assert!(all_reported && lost == 4 && last.len() == 2 && last[1] == bye, "{last:?}");
    assert!(last[0].starts_with(r#"{"type":"gap""#) && last[0].contains("4 records"), "{last:?}");
    // The first gap is lost as well; the second one begins no later.
    let (all_reported, lost, last) = ended_with_losses(11);
    assert!(all_reported && lost == 11 && last.len() == 3, "{last:?}");
    let from = |gap: &str| serde_json::from_str::<serde_json::Value>(gap).unwrap()["from_ms"].as_u64().unwrap();
    assert!(from(&last[1]) <= from(&last[0]), "{last:?}");
    let (all_reported, _, last) = ended_with_losses(u64::MAX);
    assert!(!all_reported && !last.contains(&bye.to_owned()), "{last:?}");
}

#[test]
fn a_predecessor_without_a_bye_is_a_gap() {
    for connects in [true, false] {
        let (written, records) = std_mpsc::channel();
        let writer = Lossy { lost_left: 0, waiting: Vec::new(), delivery_reports: Vec::new(), written };
        let (mut ingest, _result) = intake(writer, QueueLimits::default(), Some(1_000));
        // There is no progress before the first connection.
        ingest.progress(3_000).unwrap();
        if connects {
            ingest.take(FeedEvent::Connected, 4_000).unwrap();
            ingest.progress(6_000).unwrap();
        }
        ingest.end(true, 9_000)();
        let to_ms = if connects { 4_000 } else { 9_000 };
        let cause = "the source's process ended without a bye";
        let mut expected = vec![
            format!(r#"{{"type":"gap","source":"s","from_ms":1000,"to_ms":{to_ms},"cause":"{cause}"}}"#),
            r#"{"type":"progress","source":"s","event_ms":4500}"#.to_owned(),
            r#"{"type":"bye","source":"s"}"#.to_owned(),
        ];
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
    let (mut ingest, result) = intake_with(writer, QueueLimits::default(), None, Some(state.clone()));
    ingest.take(FeedEvent::Connected, 4_000).unwrap();
    ingest.take(text(r#"{"data":[{"s":"A"}],"type":"trade"}"#), 5_000).unwrap();
    drop(ingest);
    assert!(!result.blocking_recv().unwrap().unwrap().all_reported);
    assert_eq!(state.predecessor_ms().unwrap(), Some(2_500));
}

#[test]
fn a_stop_while_disconnected_reports_the_gap() {
    let (written, records) = std_mpsc::channel();
    let writer = Lossy { lost_left: 0, waiting: Vec::new(), delivery_reports: Vec::new(), written };
    let (mut ingest, _result) = intake(writer, QueueLimits::default(), None);
    ingest.take(FeedEvent::Connected, 4_000).unwrap();
    ingest.take(FeedEvent::Lost { cause: "cut".to_owned() }, 5_000).unwrap();
    ingest.end(true, 9_000)();
    let gap = r#"{"type":"gap","source":"s","from_ms":2500,"to_ms":9000,"cause":"cut"}"#;
    assert_eq!(records.iter().collect::<Vec<_>>(), [gap, r#"{"type":"bye","source":"s"}"#]);
}
