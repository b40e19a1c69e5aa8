//! The page and the HTTP API over a real loopback socket, with an in-memory store.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tickline::dashboard::{Dashboard, DashboardConfig, serve};

mod access;
mod as_of;
mod bounds;
mod condition;
mod described;
mod events;
mod explain;
pub mod fake;
mod headers;
mod stream;

use events::Events;
use fake::{FakeStore, candle};

const DAY_MS: u64 = 86_400_000;

async fn start(store: &FakeStore) -> Dashboard {
    let store = store.clone();
    serve(quick(), move || store.reader()).await.unwrap()
}

/// A free port and short intervals.
fn quick() -> DashboardConfig {
    let (poll, index_every) = (Duration::from_millis(5), Duration::from_millis(5));
    DashboardConfig { port: 0, poll, index_every, ..DashboardConfig::default() }
}

async fn get(dashboard: &Dashboard, path: &str) -> (StatusCode, Value) {
    let response = reqwest::get(format!("http://{}{path}", dashboard.addr())).await.unwrap();
    (response.status(), response.json().await.unwrap())
}

/// Sends a request that must fail, checks its error and hint, and returns its status.
async fn error_of(dashboard: &Dashboard, path: &str, error: &str, hint: &str) -> StatusCode {
    let (status, body) = get(dashboard, path).await;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    assert!(text("error").contains(error) && text("hint").contains(hint), "{path}: {body}");
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    status
}

/// 5 s candles at 0, 5 and 10 s, of which the frontier at 12 s completes two.
fn small_store() -> FakeStore {
    let store = FakeStore::default();
    for window_start_ms in [0, 5_000, 10_000] {
        store.put("AAPL", "5s", candle(window_start_ms, 227.1, 11_000));
    }
    store.put("AAPL", "1m", candle(0, 100.0, 11_000));
    store.put("AAPL", "1d", candle(0, 0.1 + 0.2, 11_000));
    store.put("IC MARKETS:1", "1d", candle(0, 1.27, 9_000));
    store.advance(12_000);
    store
}

#[tokio::test]
async fn gives_the_frontier() {
    let store = small_store();
    let dashboard = start(&store).await;
    let (status, body) = get(&dashboard, "/api/frontier").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["frontier_ms"], 12_000);
    assert_eq!(body["frontier"], "1970-01-01T00:00:12Z");
    assert_eq!(body["digest"], "00000000000000000000000000002ee0");
    assert_eq!((&body["rows"], &body["epoch"]), (&json!(12), &json!(7)));
    assert_eq!(body["counters"]["trades"], 12_000);
    assert_eq!(body["counters"]["rejected_bad_json"], 2);
    assert_eq!(body["counters"].as_object().unwrap().len(), 27);
    assert_eq!(body["rejected"], 5, "bad_json and too_far_ahead together");
    assert_eq!(body["lag_ms"].as_i64().unwrap(), body["now_ms"].as_i64().unwrap() - 12_000);
}

#[tokio::test]
async fn finds_symbols_from_memory() {
    let store = small_store();
    let dashboard = start(&store).await;
    let (_, body) = get(&dashboard, "/api/symbols").await;
    let names: Vec<_> = body["symbols"].as_array().unwrap().iter().map(|row| row["symbol"].clone()).collect();
    assert_eq!((names, &body["total"]), (vec![json!("AAPL"), json!("IC MARKETS:1")], &json!(2)));
    assert_eq!(
        (&body["symbols"][1]["day"]["last"], &body["symbols"][1]["exchange"]),
        (&json!(1.27), &json!("IC MARKETS"))
    );
    let (_, body) = get(&dashboard, "/api/symbols?query=%20Aap&limit=1").await;
    assert_eq!((&body["symbols"][0]["symbol"], &body["total"]), (&json!("AAPL"), &json!(1)));
    let (_, body) = get(&dashboard, "/api/symbols?exchange=ic%20markets&traded=true").await;
    assert_eq!(body["symbols"][0]["symbol"], "IC MARKETS:1");
    // A symbol is found some moments after its first trade.
    store.put("NEW", "1d", candle(0, 1.0, 11_500));
    while get(&dashboard, "/api/symbols?query=new").await.1["total"] != 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn gives_candles() {
    let store = small_store();
    let dashboard = start(&store).await;
    let (_, body) = get(&dashboard, "/api/candles?symbol=AAPL&resolution=5s").await;
    let complete: Vec<_> = body["rows"].as_array().unwrap().iter().map(|row| row["complete"].clone()).collect();
    assert_eq!(complete, [true, true, false]);
    assert_eq!(body["rows"][2]["window_start_ms"], 10_000);
    assert_eq!(body["rows"][2]["close"], 227.1);
    assert_eq!((&body["symbol"], &body["resolution"]), (&json!("AAPL"), &json!("5s")));

    let (_, body) = get(&dashboard, "/api/candles?symbol=AAPL&resolution=5s&from=5000&to=10000").await;
    assert_eq!(body["rows"].as_array().unwrap().len(), 1);
    let (_, body) = get(&dashboard, "/api/candles?symbol=AAPL&resolution=5s&from=1970-01-01T00:00:10Z").await;
    assert_eq!(body["rows"][0]["window_start_ms"], 10_000);
    let (_, body) = get(&dashboard, "/api/candles?symbol=AAPL&resolution=5s&limit=1").await;
    assert_eq!(body["rows"][0]["window_start_ms"], 10_000, "the newest row is returned");
    let (_, body) = get(&dashboard, "/api/candles?symbol=AAPL").await;
    assert_eq!((&body["resolution"], &body["rows"][0]["complete"]), (&json!("1m"), &json!(false)));
    let (_, body) = get(&dashboard, "/api/candles?symbol=AAPL&resolution=5s&since=11000").await;
    assert_eq!(body["rows"].as_array().unwrap().len(), 3);
    let (_, body) = get(&dashboard, "/api/candles?symbol=AAPL&resolution=5s&since=11001").await;
    assert_eq!(body["rows"], json!([]), "nothing has changed since");
    let (status, body) = get(&dashboard, "/api/candles?symbol=IC%20MARKETS%3A1&resolution=5s").await;
    assert_eq!((status, &body["rows"]), (StatusCode::OK, &json!([])), "known, but nothing in this table");
}

#[tokio::test]
async fn doubles_are_in_shortest_form() {
    let dashboard = start(&small_store()).await;
    let url = format!("http://{}/api/candles?symbol=AAPL&resolution=1d", dashboard.addr());
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(text.contains(r#""close":0.30000000000000004,"#), "{text}");
}

#[tokio::test]
async fn gives_indicators_under_their_names() {
    let dashboard = start(&small_store()).await;
    let (_, body) = get(&dashboard, "/api/indicators?symbol=AAPL&limit=1").await;
    let row = &body["rows"][0];
    assert_eq!(row["window_start_ms"], 10_000);
    assert_eq!((&row["sma_12"], &row["cumulative_notional"]), (&json!(0.5), &json!(16.5)));
    assert_eq!((&row["candles"], &row["cumulative_trades"]), (&json!(3), &json!(9)));
    assert_eq!((&row["as_of"], &row["complete"]), (&json!(11_000), &json!(false)));
    assert_eq!(row.as_object().unwrap().len(), 22);
}

#[tokio::test]
async fn invalid_requests_get_error_and_hint() {
    let dashboard = start(&small_store()).await;
    let d = &dashboard;
    let bad = StatusCode::BAD_REQUEST;
    assert_eq!(error_of(d, "/api/candles", "symbol is missing", "/api/symbols").await, bad);
    assert_eq!(error_of(d, "/api/candles?symbol=", "symbol is missing", "/api/symbols").await, bad);
    assert_eq!(error_of(d, "/api/candles?symbol=AAPL&resolution=2m", "\"2m\"", "5s, 1m, 5m, 1h, 1d").await, bad);
    assert_eq!(error_of(d, "/api/candles?symbol=AAPL&limit=0", "limit", "1 to 20000").await, bad);
    assert_eq!(error_of(d, "/api/candles?symbol=AAPL&limit=20001", "limit", "1 to 20000").await, bad);
    assert_eq!(error_of(d, "/api/candles?symbol=AAPL&from=yesterday", "from", "milliseconds").await, bad);
    assert_eq!(error_of(d, "/api/candles?symbol=AAPL&to=-5", "to", "milliseconds").await, bad);
    assert_eq!(error_of(d, "/api/candles?symbol=AAPL&from=5&to=5", "must be before", "exclusive").await, bad);
    assert_eq!(error_of(d, "/api/candles?symbol=AAPL&symbol=MSFT", "twice", "once").await, bad);
    assert_eq!(error_of(d, "/api/candles?symbol=AAPL&interval=5s", "\"interval\"", "resolution").await, bad);
    assert_eq!(error_of(d, "/api/indicators?symbol=AAPL&resolution=1m", "\"resolution\"", "symbol").await, bad);
    assert_eq!(error_of(d, "/api/candles?symbol=NONE", "\"NONE\"", "/api/symbols").await, StatusCode::NOT_FOUND);
    assert_eq!(error_of(d, "/api/indicators?symbol=NONE", "\"NONE\"", "/api/symbols").await, StatusCode::NOT_FOUND);
    assert_eq!(error_of(d, "/api/nothing", "unknown path", "/api/openapi.json").await, StatusCode::NOT_FOUND);
    assert_eq!(error_of(d, "/api/symbols?traded=yes", "traded", "true or false").await, bad);
    assert_eq!(error_of(d, "/api/symbols?limit=1001", "limit", "1 to 1000").await, bad);
    assert_eq!(error_of(d, &format!("/api/symbols?query={}", "a".repeat(257)), "257 bytes", "256").await, bad);
    let many: String = (0..101).map(|at| format!("&watch={at}")).collect();
    assert_eq!(error_of(d, &format!("/api/stream?{many}"), "101 times", "100").await, bad);
    assert_eq!(error_of(d, "/api/stream?symbol=A&symbol=B", "twice", "once").await, bad);
    let post = reqwest::Client::new().post(format!("http://{}/api/frontier", d.addr())).send().await.unwrap();
    assert_eq!(post.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(post.json::<Value>().await.unwrap()["error"].is_string());
    let (status, _) = get(d, "/api/candles?symbol=AAPL&limit=20000").await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn default_limit_is_500_rows() {
    let store = small_store();
    for at in 0..600 {
        store.put("AAPL", "1h", candle(at * 3_600_000, 1.0, 0));
    }
    let dashboard = start(&store).await;
    let (_, body) = get(&dashboard, "/api/candles?symbol=AAPL&resolution=1h").await;
    assert_eq!(body["rows"].as_array().unwrap().len(), 500);
    assert_eq!(body["rows"][499]["window_start_ms"], 599 * 3_600_000_u64);
}

#[tokio::test]
async fn empty_store_is_live_but_not_ready() {
    let store = FakeStore::default();
    let dashboard = start(&store).await;
    let d = &dashboard;
    assert_eq!(error_of(d, "/readyz", "nothing complete yet", "first frontier").await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(error_of(d, "/api/frontier", "nothing complete yet", "worker").await, StatusCode::SERVICE_UNAVAILABLE);
    let alive = reqwest::get(format!("http://{}/healthz", d.addr())).await.unwrap();
    assert_eq!(alive.status(), StatusCode::OK);
    let first = Events::open(d).await.next().await;
    assert_eq!((&first["whole"], &first["watch"], &first["chart"]), (&json!(true), &json!([]), &json!(null)));
    assert_eq!((&first["state"]["state"], first.get("frontier_ms")), (&json!("nothing_yet"), None));
    store.advance(1_000);
    let ready = reqwest::get(format!("http://{}/readyz", d.addr())).await.unwrap();
    assert_eq!(ready.text().await.unwrap(), "ready: complete up to 1970-01-01T00:00:01Z\n");
}

#[tokio::test]
async fn store_failure_is_reported_and_recovers() {
    let store = small_store();
    let dashboard = start(&store).await;
    store.fail(true);
    for path in ["/readyz", "/api/frontier", "/api/candles?symbol=AAPL"] {
        let status = error_of(&dashboard, path, "disk is gone", "store").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
    let text = reqwest::get(format!("http://{}/metrics", dashboard.addr())).await.unwrap().text().await.unwrap();
    assert!(text.contains("\ntickline_dashboard_store_up 0\n") && !text.contains("tickline_epoch"), "{text}");
    assert!(!text.contains("\ntickline_dashboard_store_read_failures_total 0\n"), "{text}");
    store.fail(false);
    assert_eq!(get(&dashboard, "/api/frontier").await.0, StatusCode::OK);
    store.fail(true);
    let missing = store.clone();
    assert!(serve(quick(), move || missing.reader()).await.is_err());
}

#[tokio::test]
async fn gives_metrics() {
    let dashboard = start(&small_store()).await;
    for path in ["/api/frontier", "/nothing/here", "/api/frontier"] {
        reqwest::get(format!("http://{}{path}", dashboard.addr())).await.unwrap();
    }
    let response = reqwest::get(format!("http://{}/metrics", dashboard.addr())).await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let text = response.text().await.unwrap();
    for line in [
        "tickline_durable_frontier_timestamp_seconds 12.0",
        "tickline_rows 12",
        "tickline_epoch 7",
        "tickline_trades_total 12000",
        "tickline_rejected_total{reason=\"too_far_ahead\"} 3",
        "tickline_dashboard_store_up 1",
        "tickline_dashboard_requests_total{route=\"/api/frontier\",status=\"2xx\"} 2",
        "tickline_dashboard_requests_total{route=\"none\",status=\"4xx\"} 1",
        "tickline_dashboard_viewers 0",
        "tickline_dashboard_store_read_failures_total 0",
        "# EOF",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn serves_the_page_and_its_files() {
    let dashboard = start(&small_store()).await;
    let page = reqwest::get(format!("http://{}/", dashboard.addr())).await.unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'self';"));
    let text = page.text().await.unwrap();
    let mut own: Vec<String> = text.split('"').filter(|part| part.starts_with('/')).map(String::from).collect();
    assert!(
        ["/theme.css", "/page.js", "/vendor/lightweight-charts-5.2.1.js"]
            .iter()
            .all(|path| own.contains(&path.to_string()))
    );
    own.extend(["/vendor/LICENSE".into(), "/vendor/NOTICE".into()]);
    let mut at = 0;
    while at < own.len() {
        let path = own[at].clone();
        let response = reqwest::get(format!("http://{}{path}", dashboard.addr())).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        let wanted = if path.ends_with(".css") { "text/css" } else { "text/javascript" };
        assert!(kind.starts_with(wanted) || !path.contains('.'), "{path} is {kind}");
        // Imported modules are served and preloaded.
        let text = response.text().await.unwrap();
        let imports = text.split("from './").skip(1).filter_map(|rest| Some(format!("/{}", rest.split_once('\'')?.0)));
        let unknown: Vec<_> = imports.filter(|import| !path.starts_with("/vendor") && !own.contains(import)).collect();
        assert_eq!(unknown, [""; 0], "imported by {path}, and not in the page");
        at += 1;
    }
}

#[tokio::test]
async fn stops_while_viewers_are_connected() {
    let store = small_store();
    let dashboard = start(&store).await;
    let addr = dashboard.addr();
    assert!(addr.ip().is_loopback(), "listens on loopback by default");
    let mut viewer = Events::open(&dashboard).await;
    viewer.next().await;
    dashboard.stop().await;
    assert!(viewer.ended().await);
    assert!(reqwest::get(format!("http://{addr}/healthz")).await.is_err());
}

#[tokio::test]
async fn a_taken_port_says_what_to_do() {
    let store = small_store();
    let dashboard = start(&store).await;
    let config = DashboardConfig { port: dashboard.addr().port(), ..quick() };
    let error = serve(config, move || store.reader()).await.unwrap_err();
    assert!(error.to_string().contains("cannot listen") && error.to_string().contains("--listen"), "{error}");
}
