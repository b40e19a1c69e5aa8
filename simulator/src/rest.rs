//! REST interface: the part of Finnhub's that the free plan includes and Tickline uses.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state, map_request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::clock::now_ms;
use super::instrument::Class;
use super::limit::Allowance;
use super::listing;
use super::price::middle;
use super::requests::TokenQuery;
use super::rest_fault::Outcome;
use super::state::Shared;

/// Sampling interval for the high and low of a day, in seconds.
const QUOTE_GRAIN_S: u64 = 60;
const DAY_S: u64 = 86_400;

#[derive(Deserialize)]
struct Exchange {
    #[serde(default)]
    exchange: String,
}

#[derive(Deserialize)]
struct Symbol {
    #[serde(default)]
    symbol: String,
}

/// Routes under `/api/v1`, with API token check and rate limit.
pub(super) fn routes(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    let api = Router::new()
        .route("/stock/symbol", get(stock_symbol))
        .route("/stock/market-status", get(market_status))
        .route("/crypto/exchange", get(async |state: State<Arc<Shared>>| exchanges(&state, Class::Crypto)))
        .route("/crypto/symbol", get(async |state: State<Arc<Shared>>, query| pairs(&state, Class::Crypto, query)))
        .route("/forex/exchange", get(async |state: State<Arc<Shared>>| exchanges(&state, Class::Forex)))
        .route("/forex/symbol", get(async |state: State<Arc<Shared>>, query| pairs(&state, Class::Forex, query)))
        .route("/quote", get(quote))
        .layer(from_fn_with_state(Arc::clone(shared), admit));
    let api = Router::new().nest("/api/v1", api).with_state(Arc::clone(shared));
    // A layer runs after routing; to rewrite the path first, it must wrap the routes as a whole.
    Router::new().fallback_service(api).layer(map_request(with_single_slashes))
}

/// Removes repeated slashes: Finnhub's own Python client requests `/api/v1//quote`, which the real server accepts.
async fn with_single_slashes(mut request: Request) -> Request {
    let (mut path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or_default());
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    // Parts of a valid URI stay valid, so this does not fail.
    if let Ok(uri) = format!("{path}?{query}").parse() {
        *request.uri_mut() = uri;
    }
    request
}

/// Checks the API token (header before query) and counts the call.
async fn admit(State(shared): State<Arc<Shared>>, query: Query<TokenQuery>, request: Request, next: Next) -> Response {
    let header = request.headers().get("X-Finnhub-Token").and_then(|value| value.to_str().ok());
    let token = header.unwrap_or(&query.token).to_owned();
    if !shared.accepts(&token) {
        return error(StatusCode::UNAUTHORIZED, "Invalid API key");
    }
    let mut allowance = shared.call(&token);
    let outcome = shared.counters.count_call(request.uri(), &shared.config.rest_faults);
    if outcome == Outcome::TooMany {
        allowance = Allowance { allowed: false, remaining: 0, reset_s: now_ms() / 1_000 + 1, ..allowance };
    }
    let mut response = match outcome {
        _ if !allowance.allowed => {
            error(StatusCode::TOO_MANY_REQUESTS, "API limit reached. Please try again later. Remaining Limit: 0")
        }
        Outcome::ServerError => error(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        Outcome::Cut => half(next.run(request).await).await,
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert("X-RateLimit-Limit", allowance.limit.into());
    headers.insert("X-RateLimit-Remaining", allowance.remaining.into());
    headers.insert("X-RateLimit-Reset", allowance.reset_s.into());
    response
}

/// Response whose connection breaks in the middle.
async fn half(response: Response) -> Response {
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
    let broken = Err(io::Error::from(io::ErrorKind::ConnectionReset));
    let parts = [Ok(bytes.slice(..bytes.len() / 2)), broken];
    Response::new(Body::from_stream(stream::iter(parts)))
}

fn error(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "error": text }))).into_response()
}

async fn stock_symbol(State(shared): State<Arc<Shared>>, Query(query): Query<Exchange>) -> Response {
    if query.exchange.is_empty() {
        return error(StatusCode::UNPROCESSABLE_ENTITY, "exchange is required");
    }
    if shared.config.rest_faults.forbidden && query.exchange != "US" {
        return error(StatusCode::FORBIDDEN, "You don't have access to this resource.");
    }
    Json(listing::stocks(&shared.universe, &query.exchange, &shared.config.rest_faults)).into_response()
}

/// The simulated market is always open.
async fn market_status(Query(query): Query<Exchange>) -> Json<Value> {
    Json(json!({
        "exchange": query.exchange, "holiday": null, "isOpen": true, "session": "regular", "t": now_ms() / 1_000,
        "timezone": "America/New_York",
    }))
}

fn exchanges(shared: &Shared, class: Class) -> Json<BTreeSet<String>> {
    Json(listing::exchanges(&shared.universe, class))
}

fn pairs(shared: &Shared, class: Class, Query(query): Query<Exchange>) -> Json<Vec<Value>> {
    Json(listing::pairs(&shared.universe, class, &query.exchange))
}

/// Prices of the day so far; for an unknown symbol zeros with status 200, as on the real server.
async fn quote(State(shared): State<Arc<Shared>>, Query(query): Query<Symbol>) -> Json<Value> {
    let instrument = shared.universe.find(&query.symbol).and_then(|index| shared.universe.instruments().get(index));
    let Some(instrument) = instrument else {
        return Json(json!({ "c": 0, "d": null, "dp": null, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0 }));
    };
    let now_s = now_ms() / 1_000;
    let midnight_s = now_s - now_s % DAY_S;
    let at = |second| middle(shared.config.seed, instrument, second);
    let (current, open) = (at(now_s), at(midnight_s));
    let grain = QUOTE_GRAIN_S as usize;
    let (low, high) = (midnight_s..now_s)
        .step_by(grain)
        .map(at)
        .fold((current, current), |(low, high), price| (low.min(price), high.max(price)));
    let scale = 10f64.powi(i32::from(instrument.price_decimals));
    let price = |units: i64| units as f64 / scale;
    // The market never closes: the last close is the price at midnight.
    let change = current - open;
    let percent = (change as f64 / open as f64 * 1e6).round() / 1e4;
    Json(json!({
        "c": price(current), "d": price(change), "dp": percent, "h": price(high), "l": price(low), "o": price(open),
        "pc": price(open), "t": now_s,
    }))
}
