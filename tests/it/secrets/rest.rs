//! The API token, where the REST interface echoes it: `symbols sync`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;

use super::{CANARY, LOUD, PARTS, assert_hidden_in};
use crate::shared::process::Home;

/// Where the part of an error response ends that is shown; a token across it would be cut.
const SHOWN: usize = 200;

/// Answers with the token: error statuses first, then a list with bad elements.
async fn echo(State(calls): State<Arc<AtomicUsize>>, request: Request) -> (StatusCode, String) {
    assert_eq!(request.headers()["X-Finnhub-Token"], CANARY, "the server was given the token");
    match calls.fetch_add(1, Ordering::Relaxed) {
        0 => return (StatusCode::INTERNAL_SERVER_ERROR, format!("no {CANARY} today")),
        1 => return (StatusCode::BAD_GATEWAY, "x".repeat(SHOWN - PARTS[0].len() - 2) + CANARY),
        _ => {}
    }
    let cut = "x".repeat(80 - "{\"n\":\"\"".len() - PARTS[0].len()) + CANARY;
    let list = serde_json::json!([
        { "symbol": "A" }, { "symbol": 7, "description": CANARY }, { "no": CANARY }, { "n": cut }
    ]);
    (StatusCode::OK, list.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_hides_the_token_that_a_server_echoes() {
    let calls = Arc::new(AtomicUsize::new(0));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(echo).with_state(Arc::clone(&calls));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let home = Home::new();
    let line = format!("symbols sync --store sqlite:s.db --cache cache --exchange US --url http://{address}/api/v1");
    let sync = home.start_with(&line, &[LOUD, ("FINNHUB_TOKEN", CANARY)]);
    let ended = tokio::task::block_in_place(|| sync.end("the sync"));
    ended.is(0, &["TRACE", "HTTP status 500: no *** today", "REST call failed; retrying"]);
    ended.is(0, &["HTTP status 502: xxx", "3 invalid elements", "\"description\":\"***\""]);
    assert!(calls.load(Ordering::Relaxed) >= 3);
    // The cache holds the answers as they came.
    assert_hidden_in(&ended, &home, &["cache"]);
}
