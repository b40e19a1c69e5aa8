//! Ingest: writes the feed's trades to the log, for `tickline ingest` and `tickline demo`.
//!
//! ```text
//! feed -> events -> intake -> queue -> writer thread -> log
//!                   routing             acknowledgements -> state file
//! ```
//!
//! Trades keep their bytes. From the first sign of life on every partition gets a progress record each second, as far
//! as the feed has proved that nothing is missing. While it is silent, progress is repeated and does not advance; what
//! was missed meanwhile is reported by a `gap` record, which begins where progress ended.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use dataflows::name_policy;
use dataflows::progress::partition::SOURCE_BYTES_MAX;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tracing::info;

use crate::finnhub::client::{self, FeedEvent};
use crate::finnhub::config::FeedConfig;
use crate::finnhub::connection::Received;
use crate::log::LogWriter;
use crate::time::now_ms;

mod clock;
mod intake;
pub mod metrics;
pub mod router;
pub mod state_file;
pub mod watchlist;
mod writer;

use clock::{Clock, Reading};
use intake::Intake;
use metrics::Meter;
use state_file::StateFile;
use writer::job::{self, Gone, QueueConfig, QueueLimits};

/// Texts queued between the socket and the routing; when it is full, the socket is not read.
const EVENTS_MAX: usize = 1_024;

/// Ingest settings.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// The feed.
    pub feed: FeedConfig,
    /// Name of this source in its control records, 1 to 128 bytes. A restarted ingest keeps its name.
    pub source: String,
    /// Maximum delay of an on-time trade, in milliseconds.
    pub max_out_of_orderness_ms: u64,
    /// Interval of progress records while there is no sign of life; each sign of life makes one at once.
    pub progress_every: Duration,
    /// Wall clock, in Unix milliseconds.
    pub wall_clock: fn() -> u64,
    /// Limits of the queue to the log.
    pub queue: QueueLimits,
    /// State file for the next ingest of this source, which without it reports no gap.
    pub state: Option<StateFile>,
    /// Counters.
    pub meter: Meter,
}

impl IngestConfig {
    /// Default settings: progress each second, 1.5 s behind the last sign of life.
    pub fn new(feed: FeedConfig, source: String) -> Self {
        Self {
            feed,
            source,
            max_out_of_orderness_ms: 1_500,
            progress_every: Duration::from_secs(1),
            wall_clock: now_ms,
            queue: QueueLimits::default(),
            state: None,
            meter: Meter::default(),
        }
    }
}

/// Report of an ingest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngestReport {
    /// Texts from the feed.
    pub frames: u64,
    /// Trades handed to the log.
    pub trades: u64,
    /// Trades rejected because the queue was full; gap records have the times.
    pub rejected: u64,
    /// Elements and texts without a symbol, appended to partition 0.
    pub malformed: u64,
    /// Records not acknowledged in time; gap records have the times.
    pub lost: u64,
    /// Times that the feed was connected.
    pub connections: u64,
    /// Reported gaps of all causes.
    pub gaps: u64,
    /// Error messages of the feed.
    pub complaints: u64,
    /// Records handed to the log, control records among them.
    pub records: u64,
}

/// Runs an ingest until `stop` is true or its sender is dropped, then writes `bye` and makes the log durable.
///
/// Fails when the log cannot be written, the feed rejects the API token, or the last records are not acknowledged. Then
/// there is no `bye`, and this source holds back the frontier until it returns or is retired.
pub async fn ingest(
    config: IngestConfig,
    writer: Box<dyn LogWriter>,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<IngestReport> {
    if config.source.is_empty() || config.source.len() > SOURCE_BYTES_MAX {
        bail!("invalid source name of {} bytes: expected 1 to {SOURCE_BYTES_MAX}", config.source.len());
    }
    name_policy::check(&config.source).context("invalid source name")?;
    let predecessor_ms = config.state.as_ref().map_or(Ok(None), StateFile::predecessor_ms)?;
    let clock = Clock::new(Reading::now(config.wall_clock));
    let queue_config = QueueConfig {
        limits: config.queue,
        source: config.source.clone(),
        max_out_of_orderness_ms: config.max_out_of_orderness_ms,
        state: config.state.clone(),
        meter: config.meter.clone(),
        time: clock.time().clone(),
    };
    let (queue, writing) = writer::queue::start(writer, queue_config).context("cannot start the log's thread")?;
    let (sender, mut events) = mpsc::channel(EVENTS_MAX);
    let reading = tokio::spawn(client::run(config.feed.clone(), sender, stop));
    let mut seconds = interval(config.progress_every);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut intake = Intake::new(&config, clock, queue, predecessor_ms);
    loop {
        let step = tokio::select! {
            // In this order, so that a busy feed does not delay progress.
            biased;
            _ = seconds.tick() => intake.progress(Reading::now(config.wall_clock)),
            event = events.recv() => match event {
                Some(event) => {
                    let is_alive = matches!(event, FeedEvent::Received(Received::Alive { .. }));
                    let taken = intake.take(event, Instant::now());
                    if is_alive && taken == Ok(()) {
                        // Progress follows at once, and is repeated only if the next sign of life does not come.
                        seconds.reset_after(config.progress_every * 3 / 2);
                        intake.progress(Reading::now(config.wall_clock))
                    } else {
                        taken
                    }
                }
                // The feed has ended, and all its events are processed.
                None => break,
            },
        };
        if step == Err(Gone) {
            break;
        }
    }
    // The feed ends without a receiver.
    drop(events);
    let outcome = match reading.await {
        Ok(ended) => ended.context("cannot read the feed"),
        Err(error) => Err(error).context("the feed task failed"),
    };
    let last_records = intake.end(outcome.is_ok(), Instant::now());
    tokio::task::spawn_blocking(last_records).await.context("cannot close the queue to the log")?;
    finish(&config.meter, outcome, writing).await
}

/// Waits for the writer thread, whose error takes precedence over the feed's.
async fn finish(meter: &Meter, outcome: anyhow::Result<()>, writing: job::Result) -> anyhow::Result<IngestReport> {
    let written = writing.await.context("the log's thread failed")?;
    let ended = written.context("cannot write the log")?;
    outcome?;
    let report = report(meter);
    if !ended.all_reported {
        bail!(
            "the log did not acknowledge the last records, nor a gap record for them: \
             start the same source again with the same --state to report the gap"
        );
    }
    info!(trades = report.trades, rejected = report.rejected, gaps = report.gaps, "ingest stopped");
    Ok(report)
}

fn report(meter: &Meter) -> IngestReport {
    IngestReport {
        frames: meter.frames.get(),
        trades: meter.trades.get(),
        rejected: meter.rejected.get(),
        malformed: meter.malformed.get(),
        lost: meter.lost.get(),
        connections: meter.connections.get(),
        gaps: meter.gaps(),
        complaints: meter.complaints.get(),
        records: meter.records.get(),
    }
}
