//! From the feed into the log: `tickline ingest`, and the first stage of `tickline demo`.
//!
//! Trades keep their bytes. Each second every partition gets a promise, also when nothing trades, and also while the
//! feed is away: what was missed then is told by a `gap` record, not by a frontier that stands still.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{info, warn};

use crate::finnhub::feed::{self, FeedConfig, FeedEvent};
use crate::log::{LogError, LogWriter};

pub mod queue;
pub mod record;

use queue::{Gone, Queue, QueueLimits};

/// Texts that wait between the socket and the routing; behind them the socket itself is not read.
const EVENTS_MAX: usize = 1_024;
/// Time for the feed to close after a stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest name of a source, in bytes.
const SOURCE_BYTES_MAX: usize = 128;

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
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<IngestReport> {
    if config.source.is_empty() || config.source.len() > SOURCE_BYTES_MAX {
        bail!("the source's name has {} bytes: choose one of 1 to {SOURCE_BYTES_MAX}", config.source.len());
    }
    let (queue, mut writing) = queue::start(writer, config.queue).context("the system refused a thread for the log")?;
    let (sender, mut events) = mpsc::channel(EVENTS_MAX);
    let mut reading = tokio::spawn(feed::run(config.feed.clone(), sender, stop.clone()));
    let mut seconds = interval(config.progress_every);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ingest = Ingest::new(&config, queue);
    let outcome: anyhow::Result<()> = loop {
        let step = tokio::select! {
            // In this order: neither a stop nor a promise is held up by a busy feed.
            biased;
            _ = stop.wait_for(|stop| *stop) => break Ok(()),
            ended = &mut reading => break match ended {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(error).context("the feed cannot be read"),
                Err(error) => Err(error).context("the feed's task ended badly"),
            },
            _ = seconds.tick() => ingest.promise(now_ms()),
            Some(event) = events.recv() => ingest.take(event, now_ms()),
        };
        if step == Err(Gone) {
            break Ok(());
        }
    };
    if outcome.is_ok() {
        drain(&mut ingest, &mut events).await;
    }
    reading.abort();
    let (report, last_words) = ingest.end(outcome.is_ok());
    tokio::task::spawn_blocking(last_words).await.context("the log's queue could not be closed")?;
    finish(report, outcome, &mut writing).await
}

/// Takes what the feed had handed over before it stopped: `bye` must not leave trades behind.
async fn drain(ingest: &mut Ingest, events: &mut mpsc::Receiver<FeedEvent>) {
    let rest = async {
        while let Some(event) = events.recv().await {
            if ingest.take(event, now_ms()) == Err(Gone) {
                return;
            }
        }
    };
    if timeout(DRAIN_TIMEOUT, rest).await.is_err() {
        warn!("the feed did not close in time; what it still held is not taken");
    }
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
        warn!(from_ms, to_ms, cause, "trades may be missing");
        if self.queue.offer_everywhere(record::gap(&self.source, from_ms, to_ms, &cause))? {
            self.report.gaps += 1;
        } else {
            let from_ms = self.untold.as_ref().map_or(from_ms, |(earlier_ms, _, _)| from_ms.min(*earlier_ms));
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
