//! `/metrics`, `/readyz`: what machines ask about the store behind the page.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::extract::State;
use axum::response::Response;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::dashboard::error::ApiError;
use crate::dashboard::view::FrontierView;
use crate::dashboard::{Shared, now_ms};
use crate::metrics::exposition;
use crate::timestamp::rfc3339;

type Seconds = Gauge<f64, AtomicU64>;

/// The store's frontier and counts in Prometheus' text form. A store that cannot be read is a failed scrape.
pub async fn metrics(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let frontier = shared.pool.read(|reader| reader.frontier()).await?;
    let mut registry = Registry::with_prefix("tickline");
    if let Some(frontier) = frontier {
        register_frontier(&mut registry, &FrontierView::new(&frontier, now_ms()));
    }
    let viewers: Gauge = Gauge::default();
    viewers.set(shared.advances.receiver_count() as i64);
    registry.register("dashboard_viewers", "Pages connected to the event stream", viewers);
    let failures: Counter = Counter::default();
    failures.inc_by(shared.pool.failures());
    registry.register("dashboard_store_read_failures", "Reads of the store that failed", failures);
    exposition(&registry).map_err(|why| ApiError::unavailable(why, "report this"))
}

fn register_frontier(registry: &mut Registry, view: &FrontierView) {
    let frontier = Seconds::default();
    frontier.set(view.frontier_ms as f64 / 1e3);
    registry.register("frontier_seconds", "Durable frontier: everything before this Unix time is complete", frontier);
    let lag = Seconds::default();
    lag.set(view.lag_ms as f64 / 1e3);
    registry.register("frontier_lag_seconds", "How far the durable frontier is behind this machine's clock", lag);
    let rows: Gauge = Gauge::default();
    rows.set(view.rows);
    registry.register("rows", "Rows as of the durable frontier", rows);
    let epoch: Gauge = Gauge::default();
    epoch.set(i64::try_from(view.epoch).unwrap_or(i64::MAX));
    registry.register("epoch", "Incarnation that wrote the durable frontier", epoch);
    let tallies = Family::<Vec<(String, String)>, Counter>::default();
    for (tally, count) in view.tallies.iter() {
        tallies.get_or_create(&vec![("name".to_owned(), tally.name())]).inc_by(count);
    }
    registry.register("tally", "Counts as of the durable frontier, by name", tallies);
}

/// The store can be read and has a frontier.
pub async fn readyz(State(shared): State<Arc<Shared>>) -> Result<String, ApiError> {
    let frontier = shared.pool.read(|reader| reader.frontier()).await?;
    let none = || ApiError::unavailable("there is no durable frontier yet", "wait for a worker's first advance");
    Ok(format!("ready: complete up to {}\n", rfc3339(frontier.ok_or_else(none)?.row.frontier)))
}
