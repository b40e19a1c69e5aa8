//! Counters of the ingest, for its report, its progress line and its metrics.

use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::metrics::exposition::Exposition;
use crate::metrics::{HealthCheck, catalog};
use crate::time::now_ms;

/// An ingest without an acknowledgement for this long is not ready.
const READY_MS: i64 = 180_000;

/// Upper bounds of the latency's buckets, in seconds.
const BUCKETS: [f64; 17] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 120.0];

/// Why trades may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapKind {
    /// The connection to the feed was away.
    Reconnect,
    /// The queue to the log was full.
    Rejected,
    /// The log did not take records in time.
    Lost,
    /// The source's process ended without a `bye`.
    Restart,
}

impl GapKind {
    /// All kinds, in the order of their discriminants.
    pub const ALL: [Self; 4] = [Self::Reconnect, Self::Rejected, Self::Lost, Self::Restart];

    /// Label in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reconnect => "reconnect",
            Self::Rejected => "rejected",
            Self::Lost => "lost",
            Self::Restart => "restart",
        }
    }
}

/// Why progress is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// No sign of life from the feed for half the liveness timeout.
    Feed,
    /// The wall clock was set, and trades do not agree with it.
    Clock,
    /// A gap before it does not fit into the queue to the log yet.
    Log,
}

impl Withheld {
    /// All reasons, in the order of their discriminants.
    pub const ALL: [Self; 3] = [Self::Feed, Self::Clock, Self::Log];

    /// Label in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Clock => "clock",
            Self::Log => "log",
        }
    }
}

/// Counters shared by threads.
#[derive(Clone, Debug)]
pub struct Meter {
    /// Texts from the feed.
    pub frames: Counter,
    /// Trades handed to the log.
    pub trades: Counter,
    /// Trades rejected because the queue was full.
    pub rejected: Counter,
    /// Elements and texts without a symbol, handed to the log.
    pub malformed: Counter,
    /// Records not acknowledged in time.
    pub lost: Counter,
    /// Records handed to the log, control records among them.
    pub records: Counter,
    /// Times that the feed was connected.
    pub connections: Counter,
    /// Error messages of the feed.
    pub complaints: Counter,
    /// Error messages of the feed about too many symbols.
    pub too_many_symbols: Counter,
    /// 1 while the feed is connected.
    pub connected: Gauge,
    /// Unix time of the last sign of life of the feed, in milliseconds; 0 before the first.
    pub alive_ms: Gauge<i64, AtomicI64>,
    /// Times that the wall clock was set.
    pub clock_steps: Counter,
    /// By reason: 1 while progress is withheld for it.
    withheld: [Gauge; Withheld::ALL.len()],
    /// Unix time of the last text of the feed, in milliseconds; 0 before the first.
    pub frame_ms: Gauge<i64, AtomicI64>,
    /// Unix time of the last trade of the feed, in milliseconds; 0 before the first.
    pub trade_ms: Gauge<i64, AtomicI64>,
    /// Unix time up to which everything is acknowledged, in milliseconds; 0 before the first acknowledged progress.
    pub acknowledged_ms: Gauge<i64, AtomicI64>,
    /// By kind.
    gaps: [Counter; GapKind::ALL.len()],
    latency: Histogram,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            frames: Counter::default(),
            trades: Counter::default(),
            rejected: Counter::default(),
            malformed: Counter::default(),
            lost: Counter::default(),
            records: Counter::default(),
            connections: Counter::default(),
            complaints: Counter::default(),
            too_many_symbols: Counter::default(),
            connected: Gauge::default(),
            alive_ms: Gauge::default(),
            clock_steps: Counter::default(),
            withheld: Default::default(),
            frame_ms: Gauge::default(),
            trade_ms: Gauge::default(),
            acknowledged_ms: Gauge::default(),
            gaps: Default::default(),
            latency: Histogram::new(BUCKETS),
        }
    }
}

impl Meter {
    /// Counts a gap.
    pub fn gap(&self, kind: GapKind) {
        self.gaps[kind as usize].inc();
    }

    /// Records whether progress is withheld for a reason.
    pub fn withhold(&self, reason: Withheld, is_withheld: bool) {
        self.withheld[reason as usize].set(i64::from(is_withheld));
    }

    /// Whether progress is withheld for a reason.
    pub fn is_withheld(&self, reason: Withheld) -> bool {
        self.withheld[reason as usize].get() == 1
    }

    /// Gaps of all causes.
    pub fn gaps(&self) -> u64 {
        self.gaps.iter().map(Counter::get).sum()
    }

    /// Records the time of a record from the socket to its acknowledgement.
    pub fn acknowledged(&self, after: Duration) {
        self.latency.observe(after.as_secs_f64());
    }
}

impl HealthCheck for Meter {
    fn collect(&self, exposition: &mut Exposition) {
        let counters = [
            (&catalog::INGEST_FRAMES, &self.frames),
            (&catalog::INGEST_TRADES, &self.trades),
            (&catalog::INGEST_REJECTED, &self.rejected),
            (&catalog::INGEST_MALFORMED, &self.malformed),
            (&catalog::INGEST_LOST, &self.lost),
            (&catalog::INGEST_RECORDS, &self.records),
            (&catalog::INGEST_CONNECTIONS, &self.connections),
            (&catalog::INGEST_COMPLAINTS, &self.complaints),
            (&catalog::INGEST_TOO_MANY, &self.too_many_symbols),
            (&catalog::INGEST_CLOCK_STEPS, &self.clock_steps),
        ];
        counters.into_iter().for_each(|(name, counter)| exposition.put(name, counter.get()));
        exposition.put_by(
            &catalog::INGEST_GAPS,
            GapKind::ALL.map(|kind| (kind.name().to_owned(), self.gaps[kind as usize].get())),
        );
        exposition.put(&catalog::INGEST_CONNECTED, u64::from(self.connected.get() == 1));
        if self.alive_ms.get() > 0 {
            exposition.put(&catalog::INGEST_ALIVE, self.alive_ms.get() as f64 / 1e3);
        }
        exposition.put_by(
            &catalog::INGEST_WITHHELD,
            Withheld::ALL.map(|reason| (reason.name().to_owned(), u64::from(self.is_withheld(reason)))),
        );
        let ages = [
            (&catalog::INGEST_FRAME_AGE, &self.frame_ms),
            (&catalog::INGEST_TRADE_AGE, &self.trade_ms),
            (&catalog::INGEST_ACKNOWLEDGED_AGE, &self.acknowledged_ms),
        ];
        for (name, last_ms) in ages.into_iter().filter(|(_, last_ms)| last_ms.get() > 0) {
            exposition.put(name, age_ms(last_ms.get()) as f64 / 1e3);
        }
        exposition.put_histogram(&catalog::INGEST_ACKNOWLEDGEMENT, &self.latency);
    }

    fn ready(&self) -> Result<String, String> {
        if self.connected.get() == 0 {
            return Err("not ready: the feed is not connected".to_owned());
        }
        if self.acknowledged_ms.get() == 0 {
            return Err("not ready: the log has acknowledged nothing yet".to_owned());
        }
        let behind_ms = age_ms(self.acknowledged_ms.get());
        if behind_ms > READY_MS {
            return Err(format!("not ready: the log has acknowledged nothing for {} s", behind_ms / 1_000));
        }
        Ok(format!("ready: {} trades", self.trades.get()))
    }
}

fn age_ms(last_ms: i64) -> i64 {
    i64::try_from(now_ms()).unwrap_or(i64::MAX).saturating_sub(last_ms).max(0)
}
