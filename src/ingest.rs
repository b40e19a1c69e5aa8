//! From the feed into the log: `tickline ingest`, and the first stage of `tickline demo`.
//!
//! ```text
//! feed -> events -> intake -> queue -> writing -> log
//!                   what goes where     settling: what the log has of it -> state file
//! ```
//!
//! Trades keep their bytes. From the first connection on every partition gets a promise each second, also when nothing
//! trades, and also while the feed is away: what was missed then is told by a `gap` record, not by a frontier that
//! stands still.

use std::time::Duration;

use anyhow::{Context as _, bail};
use dataflows::progress::partition::SOURCE_BYTES_MAX;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tracing::info;

use crate::finnhub::client::{self, FeedConfig};
use crate::log::LogWriter;
use crate::time::now_ms;

mod intake;
pub mod metrics;
pub mod router;
pub mod state_file;
pub mod watchlist;
mod writer;

use intake::Intake;
use metrics::Meter;
use state_file::StateFile;
use writer::queue::{Gone, QueueConfig, QueueLimits};

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
    pub max_out_of_orderness_ms: u64,
    /// Time between two promises.
    pub progress_every: Duration,
    /// Limits of the queue to the log.
    pub queue: QueueLimits,
    /// What is left to the next ingest of this name; without it, that one tells no gap.
    pub state: Option<StateFile>,
    /// Where everything is counted.
    pub meter: Meter,
}

impl IngestConfig {
    /// The usual values: promises each second, 1.5 s behind the wall clock.
    pub fn new(feed: FeedConfig, source: String) -> Self {
        Self {
            feed,
            source,
            max_out_of_orderness_ms: 1_500,
            progress_every: Duration::from_secs(1),
            queue: QueueLimits::default(),
            state: None,
            meter: Meter::default(),
        }
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
    /// Records that the log did not take in time; gap records tell when.
    pub lost: u64,
    /// Times that the feed was connected.
    pub connections: u64,
    /// Gaps told, whatever their cause.
    pub gaps: u64,
    /// Complaints of the feed.
    pub complaints: u64,
    /// Records handed to the log, control records among them.
    pub records: u64,
}

/// Takes the feed in until `stop` is true or its sender is gone, then says `bye` and makes the log durable.
///
/// Fails when the log cannot be written, when the feed refuses the key, or when the log did not take the last words.
/// Then there is no `bye`: the frontier stays where it is until this source comes back or is retired.
pub async fn ingest(
    config: IngestConfig,
    writer: Box<dyn LogWriter>,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<IngestReport> {
    if config.source.is_empty() || config.source.len() > SOURCE_BYTES_MAX {
        bail!("the source's name has {} bytes: choose one of 1 to {SOURCE_BYTES_MAX}", config.source.len());
    }
    let hole_ms = config.state.as_ref().map_or(Ok(None), StateFile::hole_ms)?;
    let queue_config = QueueConfig {
        limits: config.queue,
        source: config.source.clone(),
        max_out_of_orderness_ms: config.max_out_of_orderness_ms,
        state: config.state.clone(),
        meter: config.meter.clone(),
    };
    let (queue, writing) =
        writer::queue::start(writer, queue_config).context("the system refused a thread for the log")?;
    let (sender, mut events) = mpsc::channel(EVENTS_MAX);
    let reading = tokio::spawn(client::run(config.feed.clone(), sender, stop));
    let mut seconds = interval(config.progress_every);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut intake = Intake::new(&config, queue, hole_ms);
    loop {
        let step = tokio::select! {
            // In this order: no promise is held up by a busy feed.
            biased;
            _ = seconds.tick() => intake.progress(now_ms()),
            event = events.recv() => match event {
                Some(event) => intake.take(event, now_ms()),
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
    let last_words = intake.end(outcome.is_ok(), now_ms());
    tokio::task::spawn_blocking(last_words).await.context("the log's queue could not be closed")?;
    finish(&config.meter, outcome, writing).await
}

/// Waits for the thread that writes; its error counts before that of the feed.
async fn finish(
    meter: &Meter,
    outcome: anyhow::Result<()>,
    writing: writer::queue::Result,
) -> anyhow::Result<IngestReport> {
    let written = writing.await.context("the log's thread ended badly")?;
    let ended = written.context("the log cannot be written")?;
    outcome?;
    let report = report(meter);
    if !ended.told {
        bail!(
            "the log did not take the last records, nor the gap that tells it: \
             start the same source again with the same --state, which tells the gap then"
        );
    }
    info!(trades = report.trades, refused = report.refused, gaps = report.gaps, "ingest stopped");
    Ok(report)
}

fn report(meter: &Meter) -> IngestReport {
    IngestReport {
        frames: meter.frames.get(),
        trades: meter.trades.get(),
        refused: meter.refused.get(),
        malformed: meter.malformed.get(),
        lost: meter.lost.get(),
        connections: meter.connections.get(),
        gaps: meter.gaps(),
        complaints: meter.complaints.get(),
        records: meter.records.get(),
    }
}
