//! The part of Finnhub's REST interface that the free plan has and Tickline asks.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state, map_request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::price::middle;
use super::server::{Shared, now_ms};
use super::socket::TokenQuery;
use super::universe::{Class, Instrument};

/// Seconds between the places of a day at which its high and low are looked for.
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

/// The routes under `/api/v1`, each behind the key and the rate limit.
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
    // What stands before the routing can only be put around the routes as a whole.
    Router::new().fallback_service(api).layer(map_request(with_single_slashes))
}

/// Finnhub's own Python client asks for `/api/v1//quote`, and the real one answers.
async fn with_single_slashes(mut request: Request) -> Request {
    let (mut path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or_default());
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    // A part of what was an address is one.
    if let Ok(uri) = format!("{path}?{query}").parse() {
        *request.uri_mut() = uri;
    }
    request
}

/// Checks the key (header before query) and counts the call.
async fn admit(State(shared): State<Arc<Shared>>, query: Query<TokenQuery>, request: Request, next: Next) -> Response {
    let header = request.headers().get("X-Finnhub-Token").and_then(|value| value.to_str().ok());
    let token = header.unwrap_or(&query.token).to_owned();
    if !shared.accepts(&token) {
        return error(StatusCode::UNAUTHORIZED, "Invalid API key");
    }
    let allowance = shared.call(&token);
    let mut response = if allowance.allowed {
        next.run(request).await
    } else {
        error(StatusCode::TOO_MANY_REQUESTS, "API limit reached. Please try again later. Remaining Limit: 0")
    };
    let headers = response.headers_mut();
    headers.insert("X-RateLimit-Limit", allowance.limit.into());
    headers.insert("X-RateLimit-Remaining", allowance.remaining.into());
    headers.insert("X-RateLimit-Reset", allowance.reset_s.into());
    response
}

fn error(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "error": text }))).into_response()
}

async fn stock_symbol(State(shared): State<Arc<Shared>>, Query(query): Query<Exchange>) -> Response {
    if query.exchange.is_empty() {
        return error(StatusCode::UNPROCESSABLE_ENTITY, "exchange is required");
    }
    let stocks =
        shared.universe.instruments().iter().filter(|i| i.class == Class::Stock && i.exchange() == query.exchange);
    let list: Vec<Value> = stocks
        .map(|stock| {
            let figi = |salt: u64| format!("BBG00{:07X}", (stock.key ^ salt) & 0x0fff_ffff);
            let fund = stock.description.contains("TRUST");
            json!({
                "currency": "USD", "description": stock.description, "displaySymbol": stock.symbol,
                "figi": figi(0), "mic": if stock.key.is_multiple_of(2) { "XNAS" } else { "XNYS" },
                "shareClassFIGI": figi(1), "symbol": stock.symbol, "symbol2": "",
                "type": if fund { "ETP" } else { "Common Stock" },
            })
        })
        .collect();
    Json(list).into_response()
}

/// The simulated market never closes, so that there is something to see at any hour.
async fn market_status(Query(query): Query<Exchange>) -> Json<Value> {
    Json(json!({
        "exchange": query.exchange, "holiday": null, "isOpen": true, "session": "regular", "t": now_ms() / 1_000,
        "timezone": "America/New_York",
    }))
}

fn exchanges(shared: &Shared, class: Class) -> Json<Vec<String>> {
    let of_class = shared.universe.instruments().iter().filter(|i| i.class == class);
    let names: BTreeSet<_> = of_class.map(|i| i.exchange().to_owned()).collect();
    Json(names.into_iter().collect())
}

fn pairs(shared: &Shared, class: Class, Query(query): Query<Exchange>) -> Json<Vec<Value>> {
    let of_class = shared.universe.instruments().iter().filter(|i| i.class == class);
    let here = of_class.filter(|i| i.exchange().eq_ignore_ascii_case(&query.exchange));
    let row = |pair: &Instrument| {
        let Instrument { description, symbol, .. } = pair;
        json!({ "description": description, "displaySymbol": display(pair), "symbol": symbol })
    };
    Json(here.map(row).collect())
}

/// `BINANCE:LTCBTC` is shown as `LTC/BTC`.
fn display(pair: &Instrument) -> String {
    let name = pair.description.rsplit(' ').next().unwrap_or(&pair.symbol);
    let quote = ["USDT", "USD", "BTC"].into_iter().find(|quote| name.ends_with(quote) && !name.contains(['/', '-']));
    quote
        .and_then(|quote| name.strip_suffix(quote).map(|base| format!("{base}/{quote}")))
        .unwrap_or_else(|| name.to_owned())
}

/// Prices of the day so far; zeros with status 200 for an unknown symbol, as the real one answers.
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
