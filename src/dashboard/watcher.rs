//! The watcher: one task that asks the store for its frontier and tells all viewers when it has advanced.
//!
//! Each advance is encoded once, whatever the number of viewers. The channel between holds [`ADVANCES_HELD`] of them:
//! a viewer that falls further behind is skipped forward (see `stream.rs`), so memory does not grow with slow viewers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval};

use crate::dashboard::error::ApiError;
use crate::dashboard::pool::ReaderPool;
use crate::dashboard::view::{FrontierView, WatchRow};
use crate::dashboard::{now_ms, until};
use crate::store::{DurableFrontier, StoreReader};

/// Advances that are held for viewers.
pub const ADVANCES_HELD: usize = 16;

/// One frontier advance, encoded.
#[derive(Debug)]
pub struct Advance {
    /// Epoch and frontier: advances ascend by them.
    pub place: (u64, u64),
    /// The event's JSON.
    pub json: String,
}

/// What an event of `/api/stream` says.
#[derive(Serialize)]
struct Event<'a> {
    #[serde(flatten)]
    frontier: Option<FrontierView>,
    /// `watch` is the whole watch list, not only what has changed.
    whole: bool,
    watch: &'a [WatchRow],
}

/// Encodes an event; `None` for the frontier before there is one.
pub fn encode(frontier: Option<&DurableFrontier>, whole: bool, watch: &[WatchRow]) -> Result<String, ApiError> {
    let frontier = frontier.map(|frontier| FrontierView::new(frontier, now_ms()));
    serde_json::to_string(&Event { frontier, whole, watch })
        .map_err(|e| ApiError::unavailable(format!("an event cannot be encoded: {e}"), "report this"))
}

/// Asks every `poll` until told to stop.
pub async fn run(
    pool: Arc<ReaderPool>,
    advances: broadcast::Sender<Arc<Advance>>,
    stop: watch::Receiver<bool>,
    poll: Duration,
) {
    let mut ticks = interval(poll);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watcher = Watcher::default();
    let mut failing = false;
    loop {
        tokio::select! {
            () = until(stop.clone()) => return,
            _ = ticks.tick() => {}
        }
        let result = watcher.poll(&pool, &advances).await;
        match &result {
            Err(error) if !failing => tracing::warn!(%error, "frontier not read, trying on"),
            Ok(()) if failing => tracing::info!("frontier read again"),
            _ => {}
        }
        failing = result.is_err();
    }
}

/// What was told last.
#[derive(Default)]
struct Watcher {
    place: Option<(u64, u64)>,
    rows: BTreeMap<String, WatchRow>,
}

impl Watcher {
    async fn poll(
        &mut self,
        pool: &Arc<ReaderPool>,
        advances: &broadcast::Sender<Arc<Advance>>,
    ) -> Result<(), ApiError> {
        let told = self.place;
        // Without viewers the rows are not read. What has changed is then told with the next advance that has one.
        let viewed = advances.receiver_count() > 0;
        let read = pool.read(move |reader| {
            let Some(frontier) = reader.frontier()?.filter(|now| Some(place(now)) != told) else { return Ok(None) };
            let rows = if viewed { watch_rows(reader)? } else { Vec::new() };
            Ok(Some((frontier, rows)))
        });
        let Some((frontier, rows)) = read.await? else { return Ok(()) };
        let changed: Vec<_> = rows.into_iter().filter(|row| self.rows.get(&row.symbol) != Some(row)).collect();
        if viewed {
            let json = encode(Some(&frontier), false, &changed)?;
            // An error means that the last viewer has just left.
            let _ = advances.send(Arc::new(Advance { place: place(&frontier), json }));
        }
        self.place = Some(place(&frontier));
        self.rows.extend(changed.into_iter().map(|row| (row.symbol.clone(), row)));
        Ok(())
    }
}

/// The watch list.
pub fn watch_rows(reader: &mut dyn StoreReader) -> Result<Vec<WatchRow>, crate::store::StoreError> {
    Ok(reader.latest()?.into_iter().map(WatchRow::from).collect())
}

/// Where an advance stands among the others.
pub fn place(frontier: &DurableFrontier) -> (u64, u64) {
    (frontier.epoch, frontier.row.frontier)
}
