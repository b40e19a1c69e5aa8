//! `/metrics`, `/readyz`: what machines ask about the store behind the page, and about the requests to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::dashboard::Shared;
use crate::dashboard::error::ApiError;
use crate::metrics::exposition::{Exposition, Histograms, durations};
use crate::metrics::frontier::{put_row, put_time};
use crate::metrics::{catalog, respond};
use crate::time::rfc3339;

/// What has been asked for, by route: as many as there are, whatever paths are tried.
#[derive(Debug)]
pub struct Requests {
    durations: Histograms,
    /// By route and class of status.
    answered: Mutex<BTreeMap<(String, String), u64>>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { durations: durations(), answered: Mutex::default() }
    }
}

/// Counts a request, and measures how long it takes until its answer begins.
pub async fn count(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    // What is not found has no route.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let class = format!("{}xx", response.status().as_u16() / 100);
    let Requests { durations, answered } = &shared.requests;
    durations.get_or_create(&[("route", route.clone())]).observe(begun.elapsed().as_secs_f64());
    *answered.lock().unwrap_or_else(PoisonError::into_inner).entry((route, class)).or_default() += 1;
    response
}

/// The numbers of the store's frontier, of viewers and requests. A store that cannot be read is told as one.
pub async fn metrics(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let read = shared.pool.read(|reader| reader.frontier()).await;
    let mut exposition = Exposition::default();
    exposition.put(&catalog::DASHBOARD_STORE_UP, u64::from(read.is_ok()));
    if let Ok(Some(frontier)) = read {
        put_time(&mut exposition, &catalog::DURABLE_FRONTIER, frontier.row.frontier);
        exposition.put(&catalog::EPOCH, frontier.epoch);
        put_row(&mut exposition, &frontier.row);
    }
    exposition.put(&catalog::DASHBOARD_VIEWERS, shared.advances.receiver_count() as u64);
    exposition.put(&catalog::DASHBOARD_READ_FAILURES, shared.pool.failures());
    exposition.put_histograms(&catalog::DASHBOARD_DURATION, &shared.requests.durations);
    let answered = shared.requests.answered.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let labels = |route, status| vec![("route", route), ("status", status)];
    let answered = answered.into_iter().map(|((route, status), count)| (labels(route, status), count.into()));
    exposition.put_each(&catalog::DASHBOARD_REQUESTS, answered);
    respond(exposition).map_err(|why| ApiError::unavailable(why, "report this"))
}

/// The store can be read and has a frontier.
pub async fn readyz(State(shared): State<Arc<Shared>>) -> Result<String, ApiError> {
    let frontier = shared.pool.read(|reader| reader.frontier()).await?;
    let none = || ApiError::unavailable("there is no durable frontier yet", "wait for a worker's first advance");
    Ok(format!("ready: complete up to {}\n", rfc3339(frontier.ok_or_else(none)?.row.frontier)))
}
