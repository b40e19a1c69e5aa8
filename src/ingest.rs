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
use tracing::{info, warn};

use crate::finnhub::client::{self, FeedEvent};
use crate::finnhub::config::FeedConfig;
use crate::finnhub::connection::Received;
use crate::log::address::LogAddress;
use crate::log::kafka::Claim;
use crate::log::{LogError, LogWriter};
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

/// A process whose loop has not run for this long was suspended; progress is due more often.
const STOPPED_AFTER: Duration = Duration::from_secs(2);
/// How long the confirmation of a claim is waited for, and how often it is looked for.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(10);
const CONFIRMED_PAUSE: Duration = Duration::from_millis(20);

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
    /// The log to claim for this source: where it has no lock, an older process of the same source ends then.
    pub log: Option<LogAddress>,
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
            log: None,
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
    check_source(&config.source)?;
    let _lock = config.state.as_ref().map(StateFile::lock).transpose()?;
    let predecessor_ms = config.state.as_ref().map_or(Ok(None), StateFile::predecessor_ms)?;
    let clock = Clock::new(Reading::now(config.wall_clock));
    let claim = claim(&config).await?;
    // Both are true: on another machine the file may be an old one.
    let predecessor_ms = predecessor_ms.max(claim.as_ref().and_then(|claim| claim.before_ms));
    if let Some(claim) = &claim {
        let begun_ms = clock.time().ms(Instant::now()).saturating_sub(config.max_out_of_orderness_ms);
        claim.complete(predecessor_ms.unwrap_or(begun_ms));
    }
    let is_fenced = || claim.as_ref().is_some_and(Claim::is_lost);
    let (queue, writing) =
        writer::queue::start(writer, queue_config(&config, &clock)).context("cannot start the log's thread")?;
    let (sender, mut events) = mpsc::channel(EVENTS_MAX);
    let reading = tokio::spawn(client::run(config.feed.clone(), sender, stop));
    let mut seconds = interval(config.progress_every);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut intake = Intake::new(&config, clock, queue, predecessor_ms);
    let mut last = Instant::now();
    loop {
        let next = tokio::select! {
            // In this order, so that a busy feed does not delay progress.
            biased;
            _ = seconds.tick() => Next::Tick,
            event = events.recv() => Next::Event(event),
        };
        if let Some(claim) = &claim {
            uphold(claim, last.elapsed(), &config).await;
        }
        last = Instant::now();
        if is_fenced() {
            break;
        }
        let step = match next {
            Next::Tick => intake.progress(Reading::now(config.wall_clock)),
            Next::Event(Some(event)) => {
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
            Next::Event(None) => break,
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
    let is_fenced = is_fenced();
    let last_records = intake.end(outcome.is_ok() && !is_fenced, Instant::now());
    tokio::task::spawn_blocking(last_records).await.context("cannot close the queue to the log")?;
    let finished = finish(&config.meter, outcome, writing).await;
    if is_fenced {
        let path = config.log.map_or_else(String::new, |log| log.to_string());
        let fenced = LogError::Fenced { path, name: config.source };
        if let Err(error) = finished {
            warn!(%error, "the end was not in good order");
        }
        return Err(fenced.into());
    }
    finished
}

fn check_source(source: &str) -> anyhow::Result<()> {
    if source.is_empty() || source.len() > SOURCE_BYTES_MAX {
        bail!("invalid source name of {} bytes: expected 1 to {SOURCE_BYTES_MAX}", source.len());
    }
    name_policy::check(source).context("invalid source name")
}

fn queue_config(config: &IngestConfig, clock: &Clock) -> QueueConfig {
    QueueConfig {
        limits: config.queue,
        source: config.source.clone(),
        max_out_of_orderness_ms: config.max_out_of_orderness_ms,
        state: config.state.clone(),
        meter: config.meter.clone(),
        time: clock.time().clone(),
    }
}

/// Has the claim confirmed after a pause of the process, and says how far the log is complete.
async fn uphold(claim: &Claim, pause: Duration, config: &IngestConfig) {
    if pause > STOPPED_AFTER {
        confirmed(claim).await;
    }
    match u64::try_from(config.meter.acknowledged_ms.get()) {
        Ok(complete_ms) if complete_ms > 0 => claim.complete(complete_ms),
        _ => {}
    }
}

/// What an ingest does next.
enum Next {
    /// Progress is due.
    Tick,
    /// An event of the feed, or its end.
    Event(Option<FeedEvent>),
}

/// Waits until the claim is confirmed or lost: a suspended process may have lost it meanwhile, and what it finds
/// in its connection was written by its successor. An outage of the log ends the wait.
async fn confirmed(claim: &Claim) {
    let (start, number) = (Instant::now(), claim.confirmations());
    while !claim.is_confirmed_after(number) && start.elapsed() < CONFIRMED_WITHIN {
        tokio::time::sleep(CONFIRMED_PAUSE).await;
    }
}

/// Claims the log for this source.
async fn claim(config: &IngestConfig) -> anyhow::Result<Option<Claim>> {
    let Some(log) = config.log.clone() else { return Ok(None) };
    let source = config.source.clone();
    let claimed = tokio::task::spawn_blocking(move || log.claim(&source)).await;
    Ok(claimed.context("cannot claim the source")??)
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
