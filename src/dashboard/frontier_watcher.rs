//! One task that polls the store's frontier and notifies all viewers of each advance.
//!
//! Changes are read and encoded once per symbol and chart, whatever the number of viewers; each viewer assembles its
//! event from these parts (`stream.rs`). The channel keeps [`ADVANCES_KEPT`] advances: a viewer that falls further
//! behind skips forward, so memory does not grow with slow viewers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::try_join_all;
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::condition::Condition;
use super::encode::encode;
use super::error::ApiError;
use super::index::Index;
use super::json::FrontierView;
use super::pool::ReaderPool;
use super::subscriptions::{AllSubscriptions, Chart};
use super::{now_ms, queries};
use crate::http::server::stopped;
use crate::store::{DurableFrontier, StoreReader};

/// Capacity of the channel to the viewers, in advances.
pub const ADVANCES_KEPT: usize = 16;

/// Maximum size of the charts of one advance, in bytes. Viewers of the others get theirs whole.
const CHARTS_BYTES_MAX: usize = 2 << 20;

/// Interval between reads of the heartbeat.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);

/// One frontier advance: the encoded changes since the previous one.
#[derive(Debug)]
pub struct Advance {
    /// Epoch and frontier; ascending.
    pub version: (u64, u64),
    /// The frontier.
    pub frontier: FrontierView,
    /// Rows by watched symbol; `None` for an unchanged one. Symbols that were not read are absent.
    pub watch: BTreeMap<String, Option<Vec<u8>>>,
    /// Rows by chart. Charts that were not read, or have changed in too many rows, are absent.
    pub charts: BTreeMap<Chart, Bytes>,
}

/// Epoch and frontier, by which advances are ordered.
pub fn version(frontier: &DurableFrontier) -> (u64, u64) {
    (frontier.epoch, frontier.row.frontier)
}

/// The watcher's state.
pub struct FrontierWatcher {
    /// Store readers.
    pub pool: Arc<ReaderPool>,
    /// Names, and newest days too old for the regular read.
    pub index: watch::Receiver<Arc<Index>>,
    /// Charts and symbols that viewers have subscribed to.
    pub subscriptions: Arc<AllSubscriptions>,
    /// Broadcast channel to the viewers.
    pub advances: broadcast::Sender<Arc<Advance>>,
    /// What is known of the pipeline, for viewers.
    pub condition: watch::Sender<Condition>,
    /// When the heartbeat was last read.
    pub heartbeat_read: Instant,
    /// Allowed lateness, in milliseconds: how far back a late trade can change rows.
    pub allowed_lateness_ms: u64,
    /// Version of the last advance sent.
    pub last_sent: Option<(u64, u64)>,
}

impl FrontierWatcher {
    /// Polls the frontier every `poll` until stopped.
    pub async fn run(mut self, stop: watch::Receiver<bool>, poll: Duration) {
        let mut timer = interval(poll);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                () = stopped(stop.clone()) => return,
                _ = timer.tick() => {}
            }
            let result = self.poll().await;
            match &result {
                Err(error) if !failing => tracing::warn!(%error, "cannot read the frontier; retrying"),
                Ok(()) if failing => tracing::info!("frontier readable again"),
                _ => {}
            }
            failing = result.is_err();
            if let Err(error) = &result {
                self.condition.send_modify(|condition| condition.fail(&error.to_string(), crate::time::now_ms()));
            }
        }
    }

    async fn poll(&mut self) -> Result<(), ApiError> {
        let is_due = self.heartbeat_read.elapsed() >= HEARTBEAT_EVERY;
        let read = move |reader: &mut dyn StoreReader| {
            Ok((reader.frontier()?, is_due.then(|| reader.heartbeat()).transpose()?))
        };
        let (frontier, heartbeat) = self.pool.read(read).await?;
        if is_due {
            self.heartbeat_read = Instant::now();
        }
        self.condition.send_modify(|condition| {
            condition.frontier_ms = frontier.as_ref().map(|frontier| frontier.row.frontier);
            condition.read_ms = crate::time::now_ms();
            condition.failure = None;
            if let Some(heartbeat) = heartbeat {
                condition.heartbeat = heartbeat;
            }
        });
        let Some(frontier) = frontier else { return Ok(()) };
        let now = version(&frontier);
        if self.last_sent == Some(now) {
            return Ok(());
        }
        let view = FrontierView::new(&frontier, now_ms());
        // Changes across epochs are unknown here, so viewers re-read everything.
        let since = self.last_sent.filter(|last| last.0 == now.0 && last.1 < now.1).map(|last| last.1);
        let advance = match since {
            Some(since) => self.changes(now, view, since).await?,
            None => Advance { version: now, frontier: view, watch: BTreeMap::new(), charts: BTreeMap::new() },
        };
        // Sending fails only when there are no viewers.
        let _ = self.advances.send(Arc::new(advance));
        self.last_sent = Some(now);
        Ok(())
    }

    /// Reads the changes since the frontier was at `since`.
    async fn changes(&self, version: (u64, u64), view: FrontierView, since: u64) -> Result<Advance, ApiError> {
        let (symbols, charts) = self.subscriptions.current();
        let (to, allowed_lateness_ms, index) = (version.1, self.allowed_lateness_ms, Arc::clone(&self.index.borrow()));
        let read_watch = async {
            let mut watch: BTreeMap<_, _> = symbols.iter().map(|symbol| (symbol.clone(), None)).collect();
            if !symbols.is_empty() {
                let days = self.pool.read(move |reader| queries::days(reader, &symbols, &index, to)).await?;
                for row in days.into_iter().filter(|row| row.day.as_of >= since) {
                    watch.insert(row.symbol.clone(), Some(encode(&row)?));
                }
            }
            Ok::<_, ApiError>(watch)
        };
        let read_chart = |chart: Chart| async move {
            let of = chart.clone();
            let read = self.pool.read(move |reader| {
                let rows = queries::changed(reader, &of, since, allowed_lateness_ms, to)?;
                Ok(rows.map(|rows| encode(&rows)).transpose())
            });
            Ok::<_, ApiError>((chart, read.await??))
        };
        let (watch, charts) = tokio::try_join!(read_watch, try_join_all(charts.into_iter().map(read_chart)))?;
        let mut bytes = 0;
        let small = charts.into_iter().filter_map(|(chart, json)| {
            let json = json?;
            bytes += json.len();
            (bytes <= CHARTS_BYTES_MAX).then(|| (chart, Bytes::from(json)))
        });
        Ok(Advance { version, frontier: view, watch, charts: small.collect() })
    }
}
