//! `/metrics` and `/readyz` of the dashboard: its store, its viewers and its requests.

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
use crate::metrics::verification::put_verification;
use crate::metrics::{catalog, respond};
use crate::time::rfc3339;

/// Request metrics by route. There are only as many routes as the router knows, whatever paths are tried.
#[derive(Debug)]
pub struct Requests {
    durations: Histograms,
    /// Responses by route and status class.
    responses: Mutex<BTreeMap<(String, String), u64>>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { durations: durations(), responses: Mutex::default() }
    }
}

/// Counts a request, and measures the time until its response begins.
pub async fn count(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    // Unknown paths have no route.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let class = format!("{}xx", response.status().as_u16() / 100);
    let Requests { durations, responses } = &shared.requests;
    durations.get_or_create(&[("route", route.clone())]).observe(begun.elapsed().as_secs_f64());
    *responses.lock().unwrap_or_else(PoisonError::into_inner).entry((route, class)).or_default() += 1;
    response
}

/// Answers `/metrics`. If the store cannot be read, `tickline_dashboard_store_up` is 0 and its metrics are absent.
pub async fn metrics(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let read = shared.own_pool.read(|reader| Ok((reader.frontier()?, reader.verification()?))).await;
    let mut exposition = Exposition::default();
    exposition.put(&catalog::DASHBOARD_STORE_UP, u64::from(read.is_ok()));
    if let Ok((_, Some(verification))) = &read {
        put_verification(&mut exposition, verification);
    }
    if let Ok((Some(frontier), _)) = read {
        put_time(&mut exposition, &catalog::DURABLE_FRONTIER, frontier.row.frontier);
        exposition.put(&catalog::EPOCH, frontier.epoch);
        put_row(&mut exposition, &frontier.row);
    }
    shared.connections.collect(&mut exposition);
    let (symbols, omitted) = shared.index.borrow().count();
    exposition.put(&catalog::DASHBOARD_SYMBOLS, symbols as u64);
    exposition.put(&catalog::DASHBOARD_OMITTED, omitted as u64);
    exposition.put(&catalog::DASHBOARD_ANSWERS, shared.answers.reserved_bytes());
    exposition.put(&catalog::DASHBOARD_REFUSED, shared.answers.refused());
    exposition.put(&catalog::DASHBOARD_RECOMPUTATIONS, shared.recomputations.computed());
    exposition.put(&catalog::DASHBOARD_RECOMPUTATION_REQUESTS, shared.recomputations.requests());
    exposition.put(&catalog::DASHBOARD_RECOMPUTATIONS_REFUSED, shared.recomputations.refused());
    exposition.put(&catalog::DASHBOARD_VIEWERS, shared.advances.receiver_count() as u64);
    exposition.put(&catalog::DASHBOARD_READ_FAILURES, shared.pool.failures() + shared.own_pool.failures());
    exposition.put_histograms(&catalog::DASHBOARD_DURATION, &shared.requests.durations);
    let responses = shared.requests.responses.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let labels = |route, status| vec![("route", route), ("status", status)];
    let responses = responses.into_iter().map(|((route, status), count)| (labels(route, status), count.into()));
    exposition.put_each(&catalog::DASHBOARD_REQUESTS, responses);
    respond(exposition).map_err(|error| ApiError::unavailable(error, "report this as a bug"))
}

/// Answers `/readyz`: ready if the store can be read and has a frontier.
pub async fn readyz(State(shared): State<Arc<Shared>>) -> Result<String, ApiError> {
    let frontier = shared.own_pool.read(|reader| reader.frontier()).await?;
    let none = || ApiError::unavailable("nothing complete yet", "wait for a worker to write the first frontier");
    Ok(format!("ready: complete up to {}\n", rfc3339(frontier.ok_or_else(none)?.row.frontier)))
}
