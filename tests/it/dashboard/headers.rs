//! Headers of every answer, and JSON that is safe inside of HTML and scripts.

use reqwest::Client;
use reqwest::header::{AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use serde_json::Value;
use tickline::dashboard::{DashboardConfig, serve};
use tickline::finnhub::Secret;

use super::events::Events;
use super::fake::{FakeStore, candle};
use super::{quick, small_store, start};
use crate::shared::process::{Home, wait_for};

#[tokio::test]
async fn every_answer_says_how_to_be_kept_and_how_not_to_be_read() {
    let store = small_store();
    let metrics = Some(([127, 0, 0, 1], 0).into());
    let config = DashboardConfig { token: Some(Secret::new("secret")), metrics, ..quick() };
    let dashboard = serve(config, move || store.reader()).await.unwrap();
    let (page, metrics) = (dashboard.addr(), dashboard.metrics_addr().unwrap());
    let asked = [
        (page, "/", "no-cache"),
        (page, "/page.js", "no-cache"),
        (page, "/vendor/lightweight-charts-5.2.1.js", "public, max-age=31536000, immutable"),
        (page, "/api/frontier", "private, no-cache"),
        (page, "/api/symbols", "private, no-cache"),
        (page, "/api/gaps", "private, no-cache"),
        (page, "/api/candles?symbol=AAPL", "private, no-cache"),
        (page, "/api/indicators?symbol=AAPL", "private, no-cache"),
        (page, "/api/openapi.json", "private, no-cache"),
        (page, "/api/stream", "no-cache"),
        (page, "/api/candles", "no-store"),
        (page, "/api/nothing", "no-store"),
        (page, "/metrics", "private, no-cache"),
        (page, "/healthz", "private, no-cache"),
        (metrics, "/metrics", "private, no-cache"),
        (metrics, "/readyz", "private, no-cache"),
        (metrics, "/nothing", "no-store"),
    ];
    let client = Client::new();
    for (address, path, cache) in asked {
        let request = client.get(format!("http://{address}{path}"));
        let response = request.header(AUTHORIZATION, "Bearer secret").send().await.unwrap();
        assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(response.headers()[CACHE_CONTROL], cache, "{path}");
    }
    let without = client.get(format!("http://{page}/api/frontier")).send().await.unwrap();
    assert_eq!((without.status().as_u16(), without.headers()[X_CONTENT_TYPE_OPTIONS] == "nosniff"), (401, true));
    let empty = start(&FakeStore::default()).await;
    let busy = client.get(format!("http://{}/api/frontier", empty.addr())).send().await.unwrap();
    assert_eq!((busy.status().as_u16(), busy.headers()[RETRY_AFTER] == "2"), (503, true));
}

#[tokio::test]
async fn answers_cannot_end_a_script_that_holds_them() {
    let name = "</script>&\u{2028}\u{2029}A";
    let store = small_store();
    store.put(name, "1d", candle(0, 1.0, 11_000));
    let dashboard = start(&store).await;
    let url = format!("http://{}/api/symbols?traded=true", dashboard.addr());
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert!(body["symbols"].as_array().unwrap().iter().any(|row| row["symbol"] == name), "{body}");
    let first = Events::open(&dashboard).await.next().await;
    assert!(first["watch"].as_array().unwrap().iter().any(|row| row["symbol"] == name), "{first}");
}

#[test]
fn page_beyond_this_machine_needs_a_token() {
    let home = Home::new();
    home.ok("setup --store sqlite:rows.db");
    let line = "dashboard --store sqlite:rows.db --listen 0.0.0.0:0";
    home.fails(line, 2, &["--token-file", "--insecure"]);
    home.write("token", "secret");
    for more in ["--insecure", "--token-file token"] {
        let mut dashboard = home.start(&format!("{line} {more}"));
        dashboard.address_after(" at http://");
        dashboard.terminate();
        dashboard.end(more).is(0, &[]);
    }
    let mut dashboard = home.start("dashboard --store sqlite:rows.db --listen 127.0.0.1:0");
    wait_for("the page", || dashboard.stdout().contains("live page").then_some(()));
    assert!(dashboard.is_alive());
}
