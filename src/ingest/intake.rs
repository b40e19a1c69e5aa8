//! What the ingest decides: what is written, what is refused, which gaps are told. Everything that waits is outside.

use std::time::Instant;

use dataflows::log::control;
use tracing::{error, warn};

use super::metrics::{GapKind, Meter};
use super::writer::queue::{Gone, Loss, Queue};
use super::{IngestConfig, router};
use crate::finnhub::client::FeedEvent;

/// What the feed says when its plan takes fewer symbols than were asked for. It does not name the symbol.
const TOO_MANY_SYMBOLS: &str = "too many symbols";

pub(super) struct Intake {
    source: String,
    max_out_of_orderness_ms: u64,
    queue: Queue,
    meter: Meter,
    progress_ms: u64,
    /// When the feed last gave a sign of life; nothing before the first connection.
    alive_ms: Option<u64>,
    /// From when on a predecessor, which ended without a `bye`, may have missed trades.
    predecessor_ms: Option<u64>,
    /// Why the connection is away.
    lost: Option<String>,
    /// Trades of this span were refused: from, to, how many.
    refused: Option<(u64, u64, u64)>,
    /// A gap that found no place in the queue.
    untold: Option<Gap>,
}

struct Gap {
    from_ms: u64,
    to_ms: u64,
    kind: GapKind,
    cause: String,
}

impl Intake {
    pub fn new(config: &IngestConfig, queue: Queue, predecessor_ms: Option<u64>) -> Self {
        Self {
            source: config.source.clone(),
            max_out_of_orderness_ms: config.max_out_of_orderness_ms,
            queue,
            meter: config.meter.clone(),
            progress_ms: 0,
            alive_ms: None,
            predecessor_ms,
            lost: None,
            refused: None,
            untold: None,
        }
    }

    /// Takes what the feed tells.
    pub fn take(&mut self, event: FeedEvent, now_ms: u64) -> Result<(), Gone> {
        match event {
            FeedEvent::Text { text, at } => self.text(text.as_str(), at, now_ms),
            FeedEvent::Connected => self.connected(now_ms),
            FeedEvent::Lost { cause } => {
                self.meter.connected.set(0);
                // The first cause is the one that began the gap.
                self.lost.get_or_insert(cause);
                Ok(())
            }
        }
    }

    fn text(&mut self, text: &str, taken: Instant, now_ms: u64) -> Result<(), Gone> {
        self.alive_ms = Some(now_ms);
        let clock_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
        self.meter.frame_ms.set(clock_ms);
        self.meter.frames.inc();
        let routed = router::route(text, self.queue.partitions());
        if let Some(complaint) = &routed.complaint {
            self.complained(complaint);
        }
        if routed.records.is_empty() {
            return Ok(());
        }
        if routed.trades > 0 {
            self.meter.trade_ms.set(clock_ms);
        }
        let elements = routed.trades + routed.malformed;
        if self.queue.offer(routed.records, taken)? {
            self.meter.trades.inc_by(routed.trades);
            self.meter.malformed.inc_by(routed.malformed);
            return Ok(());
        }
        self.meter.refused.inc_by(elements);
        let from_ms = now_ms.saturating_sub(self.max_out_of_orderness_ms);
        let (from_ms, refused) = self.refused.map_or((from_ms, 0), |(from_ms, _, refused)| (from_ms, refused));
        self.refused = Some((from_ms, now_ms, refused + elements));
        Ok(())
    }

    fn complained(&self, complaint: &str) {
        self.meter.complaints.inc();
        if complaint.to_lowercase().contains(TOO_MANY_SYMBOLS) {
            self.meter.too_many_symbols.inc();
            error!(complaint, "the feed's plan takes fewer symbols than were asked for: a symbol gets no trades");
        } else {
            warn!(complaint, "the feed complains");
        }
    }

    /// What happened since the last sign of life may be missing: of this ingest, or of the one before it.
    fn connected(&mut self, now_ms: u64) -> Result<(), Gone> {
        self.meter.connections.inc();
        self.meter.connected.set(1);
        let gap = self.hole(now_ms);
        if gap.is_none() {
            // Nothing is queued yet, so there is a place.
            self.queue.begin(now_ms.saturating_sub(self.max_out_of_orderness_ms))?;
        }
        self.lost = None;
        self.predecessor_ms = None;
        self.alive_ms = Some(now_ms);
        gap.map_or(Ok(()), |gap| self.tell_gap(gap))
    }

    fn hole(&self, to_ms: u64) -> Option<Gap> {
        match (self.alive_ms, self.predecessor_ms) {
            (Some(alive_ms), _) => {
                let cause = self.lost.clone().unwrap_or_else(|| "reconnected".to_owned());
                let from_ms = alive_ms.saturating_sub(self.max_out_of_orderness_ms);
                Some(Gap { from_ms, to_ms, kind: GapKind::Reconnect, cause })
            }
            (None, Some(from_ms)) => {
                let cause = "the source's process ended without a bye".to_owned();
                Some(Gap { from_ms, to_ms: to_ms.max(from_ms), kind: GapKind::Restart, cause })
            }
            (None, None) => None,
        }
    }

    /// Promises, and tells gaps that had no place before. Before the first connection there is nothing to promise.
    pub fn progress(&mut self, now_ms: u64) -> Result<(), Gone> {
        if let Some(gap) = self.untold.take() {
            self.tell_gap(gap)?;
        }
        if let Some(gap) = self.refused.take().map(refusal) {
            self.tell_gap(gap)?;
        }
        if let Some(Loss { from_ms, records }) = self.queue.take_loss() {
            let cause = control::lost_cause(records);
            self.tell_gap(Gap { from_ms, to_ms: now_ms, kind: GapKind::Lost, cause })?;
        }
        let Some(alive_ms) = self.alive_ms else { return Ok(()) };
        if self.untold.is_some() {
            // No promise overtakes the gap that belongs before it; the next one is at least as far.
            return Ok(());
        }
        // The wall clock may be set back; a promise may not.
        self.progress_ms = self.progress_ms.max(now_ms.saturating_sub(self.max_out_of_orderness_ms));
        // If this process died now, the next one would have to tell a gap from the last sign of life on.
        let complete_ms = self.progress_ms.min(alive_ms.saturating_sub(self.max_out_of_orderness_ms));
        self.queue.progress(control::progress(&self.source, self.progress_ms), complete_ms).map(|_| ())
    }

    fn tell_gap(&mut self, mut gap: Gap) -> Result<(), Gone> {
        if let Some(earlier) = self.untold.take() {
            gap.from_ms = gap.from_ms.min(earlier.from_ms);
        }
        let Gap { from_ms, to_ms, kind, cause } = &gap;
        warn!(from_ms, to_ms, cause, "trades may be missing");
        if self.queue.gap(control::gap(&self.source, *from_ms, *to_ms, cause), *from_ms)? {
            self.meter.gap(*kind);
        } else {
            self.untold = Some(gap);
        }
        Ok(())
    }

    /// What is left to write, as something that blocks: gaps that were not told, and `bye` after a clean stop.
    pub fn end(self, clean: bool, now_ms: u64) -> impl FnOnce() + Send + 'static {
        self.meter.connected.set(0);
        let away = if self.lost.is_some() || self.alive_ms.is_none() { self.hole(now_ms) } else { None };
        let gaps = [self.untold, self.refused.map(refusal), away].into_iter().flatten();
        let gaps: Vec<_> = gaps
            .map(|Gap { from_ms, to_ms, kind, cause }| {
                self.meter.gap(kind);
                (control::gap(&self.source, from_ms, to_ms, &cause), from_ms)
            })
            .collect();
        let bye = clean.then(|| control::bye(&self.source));
        move || self.queue.finish(gaps, bye)
    }
}

fn refusal((from_ms, to_ms, refused): (u64, u64, u64)) -> Gap {
    let cause = format!("the queue to the log was full: {refused} trades were refused");
    Gap { from_ms, to_ms, kind: GapKind::Refused, cause }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as std_mpsc;
    use std::time::Duration;

    use super::*;
    use crate::finnhub::{FeedConfig, Secret};
    use crate::ingest::state_file::StateFile;
    use crate::ingest::writer::queue::{self, QueueConfig, QueueLimits};
    use crate::ingest::{IngestReport, report};
    use crate::log::{DeliveryReport, LogError, LogWriter};

    /// Writes nothing until it is let go.
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
            // An error means that the sender is gone: from then on nothing blocks.
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

    /// An intake of the source `s`, with the queue to a writer behind it.
    fn intake(writer: impl LogWriter + 'static, limits: QueueLimits, hole_ms: Option<u64>) -> (Intake, queue::Result) {
        intake_with(writer, limits, hole_ms, None)
    }

    fn intake_with(
        writer: impl LogWriter + 'static,
        limits: QueueLimits,
        hole_ms: Option<u64>,
        state: Option<StateFile>,
    ) -> (Intake, queue::Result) {
        let feed = FeedConfig::new(String::new(), Secret::new(""), Vec::new());
        let config = IngestConfig::new(feed, "s".to_owned());
        let (source, meter) = (config.source.clone(), config.meter.clone());
        let queue_config =
            QueueConfig { limits, source, max_out_of_orderness_ms: config.max_out_of_orderness_ms, state, meter };
        let (queue, result) = queue::start(Box::new(writer), queue_config).unwrap();
        (Intake::new(&config, queue, hole_ms), result)
    }

    fn text(text: &str) -> FeedEvent {
        FeedEvent::Text { text: text.into(), at: Instant::now() }
    }

    /// Hands over 100 frames of one trade each while the log stands still; returns the report and what was written.
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
                // From here on the log stands still with the first trade in its hands.
                blocks.recv().unwrap();
            }
        }
        ingest.progress(20_000).unwrap();
        ingest.progress(15_000).unwrap();
        drop(go);
        ingest.end(true, 20_000)();
        let written: Vec<String> = records.iter().collect();
        let ended = result.blocking_recv().unwrap().unwrap();
        assert!(ended.told);
        assert_eq!(ended.records, written.len() as u64);
        (report(&meter), written)
    }

    #[test]
    fn a_full_queue_refuses_trades_counts_them_and_tells_a_gap() {
        let narrow = QueueLimits { frames_max: 4, ..QueueLimits::default() };
        let small = QueueLimits { bytes_max: 60, ..QueueLimits::default() };
        for limits in [narrow, small] {
            let (report, written) = flooded(limits);
            assert_eq!(report.trades + report.refused, 100);
            assert!(report.refused >= 90 && report.trades > 0, "{report:?}");
            let trades = written.iter().filter(|record| record.starts_with(r#"{"s":"#)).count() as u64;
            assert_eq!(trades, report.trades);
            let gap = format!(
                r#"{{"type":"gap","source":"s","from_ms":{},"to_ms":10099,"cause":"{}"}}"#,
                10_000 + report.trades - 1_500,
                refusal((0, 0, report.refused)).cause
            );
            let progress = r#"{"type":"progress","source":"s","event_ms":18500}"#;
            let bye = r#"{"type":"bye","source":"s"}"#;
            assert_eq!(written[trades as usize..], [gap.as_str(), progress, progress, bye]);
        }
    }

    #[test]
    fn a_roomy_queue_refuses_nothing() {
        let (report, written) = flooded(QueueLimits::default());
        assert_eq!((report.trades, report.refused, report.gaps), (100, 0, 0));
        assert_eq!(written.len(), 100 + 3);
    }

    #[test]
    fn gaps_that_find_no_room_are_joined_and_told_later() {
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
        assert!(gaps.len() < 199, "some found no room");
        // Together they cover the whole time without a hole, from the first connection to the last.
        assert_eq!(gaps[0]["from_ms"], 8_500);
        assert_eq!(gaps[gaps.len() - 1]["to_ms"], 209_000);
        for pair in gaps.windows(2) {
            assert!(pair[1]["from_ms"].as_u64() <= pair[0]["to_ms"].as_u64());
        }
    }

    /// Takes everything and acknowledges nothing until asked to sync; the first records of a partition are lost.
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

    /// Ends after ten trades of which the log loses so many records; whether all is told, and what was appended.
    fn ended_with_losses(lost_left: u64) -> (bool, u64, Vec<String>) {
        let (written, records) = std_mpsc::channel();
        let writer = Lossy { lost_left, waiting: Vec::new(), delivery_reports: Vec::new(), written };
        let (mut ingest, result) = intake(writer, QueueLimits::default(), None);
        let meter = ingest.meter.clone();
        for _ in 0..10 {
            ingest.take(text(r#"{"data":[{"s":"A"}],"type":"trade"}"#), crate::ingest::now_ms()).unwrap();
        }
        ingest.end(true, crate::ingest::now_ms())();
        let told = result.blocking_recv().unwrap().unwrap().told;
        (told, meter.lost.get(), records.iter().skip(10).collect())
    }

    #[test]
    fn lost_records_are_told_before_the_bye_and_a_log_that_loses_all_gets_none() {
        let bye = r#"{"type":"bye","source":"s"}"#;
        assert_eq!(ended_with_losses(0), (true, 0, vec![bye.to_owned()]));
        let (told, lost, last) = ended_with_losses(4);
        assert!(told && lost == 4 && last.len() == 2 && last[1] == bye, "{last:?}");
        assert!(last[0].starts_with(r#"{"type":"gap""#) && last[0].contains("4 records"), "{last:?}");
        // The first gap is lost as well; the second one begins no later.
        let (told, lost, last) = ended_with_losses(11);
        assert!(told && lost == 11 && last.len() == 3, "{last:?}");
        let from = |gap: &str| serde_json::from_str::<serde_json::Value>(gap).unwrap()["from_ms"].as_u64().unwrap();
        assert!(from(&last[1]) <= from(&last[0]), "{last:?}");
        let (told, _, last) = ended_with_losses(u64::MAX);
        assert!(!told && !last.contains(&bye.to_owned()), "{last:?}");
    }

    #[test]
    fn a_predecessor_without_a_bye_is_a_gap_up_to_the_first_connection_or_the_end() {
        for connects in [true, false] {
            let (written, records) = std_mpsc::channel();
            let writer = Lossy { lost_left: 0, waiting: Vec::new(), delivery_reports: Vec::new(), written };
            let (mut ingest, _result) = intake(writer, QueueLimits::default(), Some(1_000));
            // Nothing is promised before the first connection.
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
    fn a_life_is_written_down_before_its_first_record() {
        let home = tempfile::tempdir().unwrap();
        let state = StateFile::new(home.path().join("s"), "s".to_owned());
        // The predecessor left knowingly; this one dies before the log has acknowledged anything.
        state.write(7, true).unwrap();
        let (written, _records) = std_mpsc::channel();
        let writer = Lossy { lost_left: u64::MAX, waiting: Vec::new(), delivery_reports: Vec::new(), written };
        let (mut ingest, result) = intake_with(writer, QueueLimits::default(), None, Some(state.clone()));
        ingest.take(FeedEvent::Connected, 4_000).unwrap();
        ingest.take(text(r#"{"data":[{"s":"A"}],"type":"trade"}"#), 5_000).unwrap();
        drop(ingest);
        assert!(!result.blocking_recv().unwrap().unwrap().told);
        assert_eq!(state.hole_ms().unwrap(), Some(2_500));
    }

    #[test]
    fn a_stop_while_the_feed_is_away_tells_the_gap() {
        let (written, records) = std_mpsc::channel();
        let writer = Lossy { lost_left: 0, waiting: Vec::new(), delivery_reports: Vec::new(), written };
        let (mut ingest, _result) = intake(writer, QueueLimits::default(), None);
        ingest.take(FeedEvent::Connected, 4_000).unwrap();
        ingest.take(FeedEvent::Lost { cause: "cut".to_owned() }, 5_000).unwrap();
        ingest.end(true, 9_000)();
        let gap = r#"{"type":"gap","source":"s","from_ms":2500,"to_ms":9000,"cause":"cut"}"#;
        assert_eq!(records.iter().collect::<Vec<_>>(), [gap, r#"{"type":"bye","source":"s"}"#]);
    }
}
