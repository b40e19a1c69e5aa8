//! The watcher: one task that asks the store for its frontier and tells all viewers when it has advanced.
//!
//! What changed is read and encoded once for each symbol and each chart, whatever the number of viewers; a viewer puts
//! its event together from these parts (`stream.rs`). The channel between holds [`ADVANCES_HELD`] of them: a viewer
//! that falls further behind is skipped forward, so memory does not grow with slow viewers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::error::ApiError;
use super::index::Index;
use super::json::FrontierView;
use super::pool::ReaderPool;
use super::subscriptions::{AllWanted, Chart};
use super::{now_ms, queries, until};
use crate::store::DurableFrontier;

/// Advances that are held for viewers.
pub const ADVANCES_HELD: usize = 16;

/// One frontier advance: what has changed since the one before, encoded.
#[derive(Debug)]
pub struct Advance {
    /// Epoch and frontier: advances ascend by them.
    pub place: (u64, u64),
    /// The frontier.
    pub frontier: FrontierView,
    /// Rows of the watched symbols; none for one without a change. A symbol that was not read is not there.
    pub watch: BTreeMap<String, Option<Box<RawValue>>>,
    /// Rows of the charts. A chart that was not read is not there.
    pub charts: BTreeMap<Chart, Box<RawValue>>,
}

/// Something as JSON.
pub fn encode<T: Serialize>(what: &T) -> Result<Box<RawValue>, ApiError> {
    to_raw_value(what).map_err(|e| ApiError::unavailable(format!("an event cannot be encoded: {e}"), "report this"))
}

/// Where an advance stands among the others.
pub fn place(frontier: &DurableFrontier) -> (u64, u64) {
    (frontier.epoch, frontier.row.frontier)
}

/// What the watcher works with.
pub struct FrontierWatcher {
    /// Of the store.
    pub pool: Arc<ReaderPool>,
    /// Names, and days long ago.
    pub index: watch::Receiver<Arc<Index>>,
    /// What is to be read.
    pub wanted: Arc<AllWanted>,
    /// Whom to tell.
    pub advances: broadcast::Sender<Arc<Advance>>,
    /// So far back a late trade changes rows, in milliseconds.
    pub allowed_lateness_ms: u64,
    /// What was told last.
    pub told: Option<(u64, u64)>,
}

impl FrontierWatcher {
    /// Asks every `poll` until told to stop.
    pub async fn run(mut self, stop: watch::Receiver<bool>, poll: Duration) {
        let mut ticks = interval(poll);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                () = until(stop.clone()) => return,
                _ = ticks.tick() => {}
            }
            let result = self.poll().await;
            match &result {
                Err(error) if !failing => tracing::warn!(%error, "frontier not read, trying on"),
                Ok(()) if failing => tracing::info!("frontier read again"),
                _ => {}
            }
            failing = result.is_err();
        }
    }

    async fn poll(&mut self) -> Result<(), ApiError> {
        let Some(frontier) = self.pool.read(|reader| reader.frontier()).await? else { return Ok(()) };
        let now = place(&frontier);
        if self.told == Some(now) {
            return Ok(());
        }
        let view = FrontierView::new(&frontier, now_ms());
        // What another epoch has told is not known here: viewers are given everything anew.
        let since = self.told.filter(|told| told.0 == now.0 && told.1 < now.1).map(|told| told.1);
        let advance = match since {
            Some(since) => self.changes(now, view, since).await?,
            None => Advance { place: now, frontier: view, watch: BTreeMap::new(), charts: BTreeMap::new() },
        };
        // An error means that nobody listens.
        let _ = self.advances.send(Arc::new(advance));
        self.told = Some(now);
        Ok(())
    }

    /// Reads what has changed since the frontier was at `since`.
    async fn changes(&self, place: (u64, u64), view: FrontierView, since: u64) -> Result<Advance, ApiError> {
        let (symbols, charts) = self.wanted.now();
        let (to, allowed_lateness_ms, index) = (place.1, self.allowed_lateness_ms, Arc::clone(&self.index.borrow()));
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
            let read = self.pool.read(move |reader| queries::changed(reader, &of, since, allowed_lateness_ms, to));
            Ok::<_, ApiError>((chart, encode(&read.await?)?))
        };
        let (watch, charts) = tokio::try_join!(read_watch, try_join_all(charts.into_iter().map(read_chart)))?;
        Ok(Advance { place, frontier: view, watch, charts: charts.into_iter().collect() })
    }
}
