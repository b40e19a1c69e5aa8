//! `/api/explain`: the answer of `tickline explain`, and why there is none.

use reqwest::StatusCode;
use serde_json::Value;

use super::as_of::dashboard;
use super::{error_of, get, small_store, start};
use crate::pipeline::as_of::made;
use crate::pipeline::as_of::market::{END_MS, START_MS};

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_that_of_the_command() {
    let home = made();
    let dashboard = dashboard(&home, || ()).await;
    let (mut late, mut versions) = (0, 0);
    for (resolution, after_ms) in [("5s", 600_000), ("1m", 1_200_000), ("1m", 3_600_000), ("1h", 0), ("1d", 0)] {
        let asked = format!("symbol=OFTEN&resolution={resolution}&window={}&limit=7", START_MS + after_ms);
        let (status, answer) = get(&dashboard, &format!("/api/explain?{asked}")).await;
        let line = asked.split('&').map(|pair| format!("--{}", pair.replace('=', " "))).collect::<Vec<_>>().join(" ");
        let said = home.ok(&format!("explain --log dir:log --store sqlite:rows.db --format json {line}"));
        assert_eq!((status, &answer), (StatusCode::OK, &serde_json::from_str::<Value>(&said).unwrap()), "{asked}");
        assert_eq!(answer["verdict"], "equal", "{answer}");
        late += answer["accepted"]["late"].as_u64().unwrap();
        versions = versions.max(answer["versions"]["total"].as_u64().unwrap());
    }
    assert!(late > 0 && versions > 7, "{late} late, {versions} versions");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_explained_says_why() {
    let without = start(&small_store()).await;
    let path = "/api/explain?symbol=AAPL&window=5000";
    assert_eq!(error_of(&without, path, "started without it", "--log LOG").await, StatusCode::NOT_IMPLEMENTED);
    let missing = "/api/explain?symbol=AAPL";
    assert_eq!(error_of(&without, missing, "window is missing", "window=").await, StatusCode::BAD_REQUEST);

    let home = made();
    let with = dashboard(&home, || ()).await;
    let unknown = format!("/api/explain?symbol=NONE&window={START_MS}");
    assert_eq!(error_of(&with, &unknown, "has not traded", "/api/symbols").await, StatusCode::NOT_FOUND);
    let (status, none) = get(&with, &format!("/api/explain?symbol=OFTEN&window={}", END_MS + 86_400_000)).await;
    assert_eq!(
        (status, none["verdict"].as_str(), none["complete"].as_bool()),
        (StatusCode::OK, Some("no_row"), Some(false))
    );
    std::fs::rename(home.path("log"), home.path("away")).unwrap();
    let path = format!("/api/explain?symbol=OFTEN&window={START_MS}");
    assert_eq!(error_of(&with, &path, "no log at", "--log").await, StatusCode::SERVICE_UNAVAILABLE);
}
