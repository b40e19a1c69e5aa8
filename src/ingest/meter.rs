//! The ingest's counts: for its report, its progress line and its metrics, which are one and the same.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::metrics::Probe;
use crate::timestamp::now_ms;

/// A feed or a log that has given no sign of life for so long is not ready.
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
    Refused,
    /// The log did not take records in time.
    Lost,
    /// The source's process ended without a `bye`.
    Restart,
}

impl GapKind {
    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reconnect => "reconnect",
            Self::Refused => "refused",
            Self::Lost => "lost",
            Self::Restart => "restart",
        }
    }
}

type Labels = [(&'static str, &'static str); 1];

/// Counts that any number of threads share.
#[derive(Clone, Debug)]
pub struct Meter {
    /// Texts from the feed.
    pub frames: Counter,
    /// Trades handed to the log.
    pub trades: Counter,
    /// Trades that found the queue full.
    pub refused: Counter,
    /// Elements and texts without a symbol, handed to the log.
    pub malformed: Counter,
    /// Records that the log did not take in time.
    pub lost: Counter,
    /// Records handed to the log, control records among them.
    pub records: Counter,
    /// Times that the feed was connected.
    pub connections: Counter,
    /// Complaints of the feed.
    pub complaints: Counter,
    /// Complaints of the feed about more symbols than its plan takes.
    pub too_many_symbols: Counter,
    /// 1 while the feed is connected.
    pub connected: Gauge,
    /// Unix time of the last text of the feed, in milliseconds; 0 before the first.
    pub frame_ms: Gauge<i64, AtomicI64>,
    /// Unix time of the last trade of the feed, in milliseconds; 0 before the first.
    pub trade_ms: Gauge<i64, AtomicI64>,
    /// Unix time up to which everything is acknowledged, in milliseconds; 0 before the first promise.
    pub settled_ms: Gauge<i64, AtomicI64>,
    gaps: Family<Labels, Counter>,
    latency: Histogram,
}

impl Default for Meter {
    fn default() -> Self {
        let gaps = Family::default();
        for kind in [GapKind::Reconnect, GapKind::Refused, GapKind::Lost, GapKind::Restart] {
            // Shown as 0 before the first.
            drop(gaps.get_or_create(&[("cause", kind.name())]));
        }
        Self {
            frames: Counter::default(),
            trades: Counter::default(),
            refused: Counter::default(),
            malformed: Counter::default(),
            lost: Counter::default(),
            records: Counter::default(),
            connections: Counter::default(),
            complaints: Counter::default(),
            too_many_symbols: Counter::default(),
            connected: Gauge::default(),
            frame_ms: Gauge::default(),
            trade_ms: Gauge::default(),
            settled_ms: Gauge::default(),
            gaps,
            latency: Histogram::new(BUCKETS),
        }
    }
}

impl Meter {
    /// A gap is on its way to the log.
    pub fn gap(&self, kind: GapKind) {
        self.gaps.get_or_create(&[("cause", kind.name())]).inc();
    }

    /// Gaps of all causes.
    pub fn gaps(&self) -> u64 {
        let kinds = [GapKind::Reconnect, GapKind::Refused, GapKind::Lost, GapKind::Restart];
        kinds.iter().map(|kind| self.gaps.get_or_create(&[("cause", kind.name())]).get()).sum()
    }

    /// A record came from the socket so long ago, and the log has just acknowledged it.
    pub fn acknowledged(&self, after: Duration) {
        self.latency.observe(after.as_secs_f64());
    }
}

impl Probe for Meter {
    fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("tickline_ingest");
        let counters = [
            ("frames", "Texts from the feed", &self.frames),
            ("trades", "Trades handed to the log", &self.trades),
            ("refused", "Trades refused since the queue to the log was full", &self.refused),
            ("malformed", "Elements and texts without a symbol", &self.malformed),
            ("lost_records", "Records that the log did not take in time", &self.lost),
            ("records", "Records handed to the log, control records among them", &self.records),
            ("connections", "Times that the feed was connected", &self.connections),
            ("complaints", "Complaints of the feed", &self.complaints),
            ("too_many_symbols", "Complaints about more symbols than the plan takes", &self.too_many_symbols),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        registry.register("gaps", "Gap records, by cause", self.gaps.clone());
        registry.register("connected", "1 while the feed is connected", self.connected.clone());
        let ages = [
            ("frame_age", "Time since the feed's last text", &self.frame_ms),
            ("trade_age", "Time since the feed's last trade: tells a feed that only pings", &self.trade_ms),
            ("settled_age", "How far the last promise that is acknowledged is behind the clock", &self.settled_ms),
        ];
        for (name, help, last_ms) in ages {
            if last_ms.get() > 0 {
                let age = Gauge::<f64, AtomicU64>::default();
                age.set(age_ms(last_ms.get()) as f64 / 1e3);
                registry.register_with_unit(name, help, Unit::Seconds, age);
            }
        }
        let help = "From the socket to the log's acknowledgement, for each record";
        registry.register_with_unit("acknowledgement", help, Unit::Seconds, self.latency.clone());
        registry
    }

    fn ready(&self) -> Result<String, String> {
        if self.connected.get() == 0 {
            return Err("not ready: the feed is not connected".to_owned());
        }
        if self.settled_ms.get() == 0 {
            return Err("not ready: the log has acknowledged nothing yet".to_owned());
        }
        let behind_ms = age_ms(self.settled_ms.get());
        if behind_ms > READY_MS {
            return Err(format!("not ready: the log has acknowledged nothing for {} s", behind_ms / 1_000));
        }
        Ok(format!("ready: {} trades", self.trades.get()))
    }
}

fn age_ms(last_ms: i64) -> i64 {
    i64::try_from(now_ms()).unwrap_or(i64::MAX).saturating_sub(last_ms).max(0)
}
