//! Access control, compression and entity tags.

use std::io::Read as _;

use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, ETAG, HOST, IF_NONE_MATCH, WWW_AUTHENTICATE};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use tickline::dashboard::{DashboardConfig, serve};
use tickline::finnhub::Secret;

use super::{quick, small_store, start};

#[tokio::test]
async fn requests_without_token_are_rejected() {
    let store = small_store();
    let config = DashboardConfig { token: Some(Secret::new("secret")), ..quick() };
    let dashboard = serve(config, move || store.reader()).await.unwrap();
    let client = Client::new();
    let url = |path: &str| format!("http://{}{path}", dashboard.addr());
    for path in ["/", "/page.js", "/api/frontier", "/api/symbols", "/api/stream", "/metrics", "/api/nothing"] {
        let refused = client.get(url(path)).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert!(refused.headers()[WWW_AUTHENTICATE].to_str().unwrap().starts_with("Basic "), "a browser asks for it");
        let body: Value = refused.json().await.unwrap();
        assert!(body["hint"].as_str().unwrap().contains("Bearer"), "{body}");
        let other = client.get(url(path)).header(AUTHORIZATION, "Bearer other").send().await.unwrap();
        assert_eq!(other.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    for request in [client.get(url("/")).bearer_auth("secret"), client.get(url("/")).basic_auth("me", Some("secret"))] {
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(client.get(url(path)).send().await.unwrap().status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn loopback_page_rejects_other_hosts() {
    let dashboard = start(&small_store()).await;
    let url = format!("http://{}/api/frontier", dashboard.addr());
    let named = |name: &'static str| Client::new().get(&url).header(HOST, name).send();
    assert_eq!(named("rebound.example.org").await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(named("localhost:1").await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn responses_are_compressed_and_tagged() {
    let store = small_store();
    let dashboard = start(&store).await;
    let client = Client::new();
    let url = |path: &str| format!("http://{}{path}", dashboard.addr());
    for path in ["/api/candles?symbol=AAPL&resolution=5s", "/page.js"] {
        let plain = client.get(url(path)).send().await.unwrap();
        let tag = plain.headers()[ETAG].clone();
        let plain = plain.bytes().await.unwrap();
        let packed = client.get(url(path)).header(ACCEPT_ENCODING, "gzip").send().await.unwrap();
        assert_eq!((&packed.headers()[CONTENT_ENCODING], &packed.headers()[ETAG]), (&"gzip".parse().unwrap(), &tag));
        let packed = packed.bytes().await.unwrap();
        assert!(packed.len() < plain.len(), "{} of {}", packed.len(), plain.len());
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain);
        let again = client.get(url(path)).header(IF_NONE_MATCH, &tag).send().await.unwrap();
        assert_eq!((again.status(), &again.headers()[ETAG]), (StatusCode::NOT_MODIFIED, &tag));
        assert!(again.bytes().await.unwrap().is_empty());
    }
    let path = "/api/candles?symbol=AAPL&resolution=5s";
    let before = client.get(url(path)).send().await.unwrap().headers()[ETAG].clone();
    store.advance(16_000);
    let after = client.get(url(path)).header(IF_NONE_MATCH, &before).send().await.unwrap();
    assert_eq!(after.status(), StatusCode::OK, "the last window is complete now");
}
