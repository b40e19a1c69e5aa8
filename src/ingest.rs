//! From the feed into the log: `tickline ingest`, and the first stage of `tickline demo`.
//!
//! Trades keep their bytes. Each second every partition gets a promise, also when nothing trades, and also while the
//! feed is away: what was missed then is told by a `gap` record, not by a frontier that stands still.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use dataflows::progress::SOURCE_BYTES_MAX;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::finnhub::feed::{self, FeedConfig, FeedEvent};
use crate::log::{LogError, LogWriter};

pub mod queue;
pub mod record;

use queue::{Gone, Queue, QueueLimits};

/// Texts that wait between the socket and the routing; behind them the socket itself is not read.
const EVENTS_MAX: usize = 1_024;
/// What to take in, and what to promise.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// The feed.
    pub feed: FeedConfig,
    /// Name of this source in its control records, 1 to 128 bytes. A restarted ingest goes on under the same name.
    pub source: String,
    /// A trade that comes this much later than it happened is still on time, in milliseconds.
    pub lateness_ms: u64,
    /// Time between two promises.
    pub progress_every: Duration,
    /// Limits of the queue to the log.
    pub queue: QueueLimits,
}

impl IngestConfig {
    /// The usual values: promises each second, 1.5 s behind the wall clock.
    pub fn new(feed: FeedConfig, source: String) -> Self {
        let (lateness_ms, progress_every) = (1_500, Duration::from_secs(1));
        Self { feed, source, lateness_ms, progress_every, queue: QueueLimits::default() }
    }
}

/// What was taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngestReport {
    /// Texts from the feed.
    pub frames: u64,
    /// Trades handed to the log.
    pub trades: u64,
    /// Trades that found the queue full; gap records tell when.
    pub refused: u64,
    /// Elements and texts without a symbol, handed to partition 0 of the log.
    pub malformed: u64,
    /// Times that the feed was connected.
    pub connections: u64,
    /// Gaps told, for lost connections and for refused trades.
    pub gaps: u64,
    /// Complaints of the feed.
    pub complaints: u64,
    /// Records that the log has taken, control records among them.
    pub records: u64,
}

/// Takes the feed in until `stop` is true or its sender is gone, then says `bye` and makes the log durable.
///
/// Fails when the log cannot be written, or when the feed refuses the key. Then there is no `bye`: the frontier stays
/// where it is until this source comes back or is retired.
pub async fn ingest(
    config: IngestConfig,
    writer: Box<dyn LogWriter>,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<IngestReport> {
    if config.source.is_empty() || config.source.len() > SOURCE_BYTES_MAX {
        bail!("the source's name has {} bytes: choose one of 1 to {SOURCE_BYTES_MAX}", config.source.len());
    }
    let (queue, mut writing) = queue::start(writer, config.queue).context("the system refused a thread for the log")?;
    let (sender, mut events) = mpsc::channel(EVENTS_MAX);
    let reading = tokio::spawn(feed::run(config.feed.clone(), sender, stop));
    let mut seconds = interval(config.progress_every);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ingest = Ingest::new(&config, queue);
    loop {
        let step = tokio::select! {
            // In this order: no promise is held up by a busy feed.
            biased;
            _ = seconds.tick() => ingest.promise(now_ms()),
            event = events.recv() => match event {
                Some(event) => ingest.take(event, now_ms()),
                // The feed has ended, by a stop or by an error, and everything it handed over is taken.
                None => break,
            },
        };
        if step == Err(Gone) {
            break;
        }
    }
    // Without a receiver the feed ends as well.
    drop(events);
    let outcome = match reading.await {
        Ok(ended) => ended.context("the feed cannot be read"),
        Err(error) => Err(error).context("the feed's task ended badly"),
    };
    let (report, last_words) = ingest.end(outcome.is_ok());
    tokio::task::spawn_blocking(last_words).await.context("the log's queue could not be closed")?;
    finish(report, outcome, &mut writing).await
}

/// Waits for the thread that writes; its error counts before that of the feed.
async fn finish(
    mut report: IngestReport,
    outcome: anyhow::Result<()>,
    writing: &mut oneshot::Receiver<Result<u64, LogError>>,
) -> anyhow::Result<IngestReport> {
    let written = writing.await.context("the log's thread ended badly")?;
    report.records = written.context("the log cannot be written")?;
    outcome?;
    info!(trades = report.trades, refused = report.refused, gaps = report.gaps, "ingest stopped");
    Ok(report)
}

/// The decisions; everything that waits is outside.
struct Ingest {
    source: String,
    lateness_ms: u64,
    queue: Queue,
    report: IngestReport,
    promised_ms: u64,
    /// When the feed last gave a sign of life; nothing before the first connection.
    alive_ms: Option<u64>,
    /// Why the connection is away.
    lost: Option<String>,
    /// Trades of this span were refused: from, to, how many.
    refused: Option<(u64, u64, u64)>,
    /// Gaps that found no place in the queue.
    untold: Option<(u64, u64, String)>,
}

impl Ingest {
    fn new(config: &IngestConfig, queue: Queue) -> Self {
        Self {
            source: config.source.clone(),
            lateness_ms: config.lateness_ms,
            queue,
            report: IngestReport::default(),
            promised_ms: 0,
            alive_ms: None,
            lost: None,
            refused: None,
            untold: None,
        }
    }

    /// Takes what the feed tells.
    fn take(&mut self, event: FeedEvent, now_ms: u64) -> Result<(), Gone> {
        match event {
            FeedEvent::Text(text) => self.text(text.as_str(), now_ms),
            FeedEvent::Connected => self.connected(now_ms),
            FeedEvent::Lost { cause } => {
                // The first cause is the one that began the gap.
                self.lost.get_or_insert(cause);
                Ok(())
            }
        }
    }

    fn text(&mut self, text: &str, now_ms: u64) -> Result<(), Gone> {
        self.alive_ms = Some(now_ms);
        self.report.frames += 1;
        let routed = record::route(text, self.queue.partitions());
        if let Some(complaint) = routed.complaint {
            self.report.complaints += 1;
            warn!(complaint, "the feed complains");
        }
        if routed.records.is_empty() {
            return Ok(());
        }
        let elements = routed.trades + routed.malformed;
        if self.queue.offer(routed.records)? {
            self.report.trades += routed.trades;
            self.report.malformed += routed.malformed;
            return Ok(());
        }
        self.report.refused += elements;
        let from_ms = now_ms.saturating_sub(self.lateness_ms);
        let (from_ms, refused) = self.refused.map_or((from_ms, 0), |(from_ms, _, refused)| (from_ms, refused));
        self.refused = Some((from_ms, now_ms, refused + elements));
        Ok(())
    }

    /// After a lost connection, what happened from the last sign of life on may be missing.
    fn connected(&mut self, now_ms: u64) -> Result<(), Gone> {
        self.report.connections += 1;
        let lost = self.lost.take();
        if let Some(alive_ms) = self.alive_ms.replace(now_ms) {
            let cause = lost.unwrap_or_else(|| "reconnected".to_owned());
            self.tell_gap(alive_ms.saturating_sub(self.lateness_ms), now_ms, cause)?;
        }
        Ok(())
    }

    /// Promises, and tells gaps that had no place before.
    fn promise(&mut self, now_ms: u64) -> Result<(), Gone> {
        if let Some((from_ms, to_ms, cause)) = self.untold.take() {
            self.tell_gap(from_ms, to_ms, cause)?;
        }
        if let Some((from_ms, to_ms, refused)) = self.refused.take() {
            self.tell_gap(from_ms, to_ms, refusal(refused))?;
        }
        // The wall clock may be set back; a promise may not.
        self.promised_ms = self.promised_ms.max(now_ms.saturating_sub(self.lateness_ms));
        // With no place left the next promise does: it is at least as far.
        self.queue.offer_everywhere(record::progress(&self.source, self.promised_ms)).map(|_| ())
    }

    fn tell_gap(&mut self, from_ms: u64, to_ms: u64, cause: String) -> Result<(), Gone> {
        let from_ms = self.untold.take().map_or(from_ms, |(earlier_ms, _, _)| from_ms.min(earlier_ms));
        warn!(from_ms, to_ms, cause, "trades may be missing");
        if self.queue.offer_everywhere(record::gap(&self.source, from_ms, to_ms, &cause))? {
            self.report.gaps += 1;
        } else {
            self.untold = Some((from_ms, to_ms, cause));
        }
        Ok(())
    }

    /// What is left to write, as something that blocks: gaps that were not told, and `bye` after a clean stop.
    fn end(mut self, clean: bool) -> (IngestReport, impl FnOnce() + Send + 'static) {
        let mut last = Vec::new();
        if let Some((from_ms, to_ms, cause)) = self.untold.take() {
            last.push(record::gap(&self.source, from_ms, to_ms, &cause));
        }
        if let Some((from_ms, to_ms, refused)) = self.refused.take() {
            last.push(record::gap(&self.source, from_ms, to_ms, &refusal(refused)));
        }
        self.report.gaps += last.len() as u64;
        if clean {
            last.push(record::bye(&self.source));
        }
        (self.report, move || self.queue.finish(last))
    }
}

fn refusal(refused: u64) -> String {
    format!("the queue to the log was full: {refused} trades were refused")
}

/// The wall clock, in Unix milliseconds.
fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as std_mpsc;

    use super::*;

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

        fn append(&mut self, _: u32, record: &[u8]) -> Result<(), LogError> {
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

    fn config(limits: QueueLimits) -> IngestConfig {
        let feed = FeedConfig::new(String::new(), crate::finnhub::Secret::new(""), Vec::new());
        IngestConfig { queue: limits, ..IngestConfig::new(feed, "s".to_owned()) }
    }

    /// Hands over 100 frames of one trade each while the log stands still; returns the report and what was written.
    fn flooded(limits: QueueLimits) -> (IngestReport, Vec<String>) {
        let (go, blocked) = std_mpsc::channel();
        let (written, records) = std_mpsc::channel();
        let (entered, blocks) = std_mpsc::channel();
        let (queue, result) = queue::start(Box::new(Blocked { entered, go: blocked, written }), limits).unwrap();
        let mut ingest = Ingest::new(&config(limits), queue);
        for t in 0..100 {
            let text = format!(r#"{{"data":[{{"s":"A","t":{t}}}],"type":"trade"}}"#);
            ingest.take(FeedEvent::Text(text.into()), 10_000 + t).unwrap();
            if t == 0 {
                // From here on the log stands still with the first trade in its hands.
                blocks.recv().unwrap();
            }
        }
        ingest.promise(20_000).unwrap();
        ingest.promise(15_000).unwrap();
        drop(go);
        let (report, last_words) = ingest.end(true);
        last_words();
        let written: Vec<String> = records.iter().collect();
        assert_eq!(result.blocking_recv().unwrap().unwrap(), written.len() as u64);
        (report, written)
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
                refusal(report.refused)
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
        let (queue, _result) = queue::start(Box::new(Blocked { entered, go: blocked, written }), limits).unwrap();
        let mut ingest = Ingest::new(&config(limits), queue);
        for second in 0..200u64 {
            ingest.take(FeedEvent::Lost { cause: format!("cut {second}") }, second * 1_000).unwrap();
            ingest.take(FeedEvent::Connected, second * 1_000 + 10_000).unwrap();
        }
        drop(go);
        let (report, last_words) = ingest.end(false);
        last_words();
        let gaps: Vec<serde_json::Value> = records.iter().map(|gap| serde_json::from_str(&gap).unwrap()).collect();
        assert_eq!(gaps.len() as u64, report.gaps);
        assert!(gaps.len() < 199, "some found no room");
        // Together they cover the whole time without a hole, from the first connection to the last.
        assert_eq!(gaps[0]["from_ms"], 8_500);
        assert_eq!(gaps[gaps.len() - 1]["to_ms"], 209_000);
        for pair in gaps.windows(2) {
            assert!(pair[1]["from_ms"].as_u64() <= pair[0]["to_ms"].as_u64());
        }
    }
}
