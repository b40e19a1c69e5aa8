//! `as_of=` of the HTTP API: rows as of an earlier time, with the log and without it, and within bounds.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tickline::dashboard::{Dashboard, DashboardConfig, serve};
use tickline::log::address::LogAddress;
use tickline::replay::Origin;
use tickline::store::address::StoreAddress;

use super::{error_of, get, quick, small_store, start};
use crate::pipeline::as_of::made;
use crate::pipeline::as_of::market::{END_MS, START_MS, settings};
use crate::shared::process::{Home, wait_for};

const HOUR_MS: u64 = 3_600_000;

/// A dashboard over the store of a market, whose log is opened by `before` it.
pub async fn dashboard(home: &Home, before: impl Fn() + Send + Sync + 'static) -> Dashboard {
    let (log, store) = (home.path("log"), home.path("rows.db"));
    let open = move || {
        before();
        Ok(LogAddress::Dir(log.clone()).open()?)
    };
    let config = DashboardConfig { origin: Some(Origin::new(settings(), 2, open)), ..quick() };
    serve(config, move || StoreAddress::Sqlite(store.clone()).open_reader()).await.unwrap()
}

async fn metric(dashboard: &Dashboard, name: &str) -> u64 {
    let text = reqwest::get(format!("http://{}/metrics", dashboard.addr())).await.unwrap().text().await.unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} is not in\n{text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn gives_rows_as_of_an_earlier_time() {
    let home = made();
    let dashboard = dashboard(&home, || ()).await;
    let time_ms = START_MS + HOUR_MS;
    for resolution in ["5s", "1m", "1h", "1d"] {
        let path = format!("/api/candles?symbol=OFTEN&resolution={resolution}");
        let (_, live) = get(&dashboard, &path).await;
        let (status, then) = get(&dashboard, &format!("{path}&as_of={}", time_ms + 999)).await;
        assert_eq!((status, &then["frontier_ms"]), (StatusCode::OK, &json!(time_ms)), "{then}");
        let line = format!("candles --store sqlite:rows.db --symbol OFTEN --resolution {resolution} --limit 500");
        let line = format!("{line} --format json --log dir:log --as-of {time_ms}");
        let expected: Vec<Value> = serde_json::from_str(&home.ok(&line)).unwrap();
        let rows = then["rows"].as_array().unwrap();
        assert_eq!(rows.len(), expected.len());
        for (row, expected) in rows.iter().zip(&expected) {
            let same = expected
                .as_object()
                .unwrap()
                .iter()
                .filter(|(name, _)| !["symbol", "resolution"].contains(&name.as_str()));
            same.for_each(|(name, value)| assert_eq!(&row[name], value, "{name} of {row}"));
            // Complete then, and another one now.
            let now =
                live["rows"].as_array().unwrap().iter().find(|now| now["window_start_ms"] == row["window_start_ms"]);
            let is_other = now.is_some_and(|now| now["as_of"] != row["as_of"]);
            let is_in_reach = now.is_some();
            assert!(!is_in_reach || row["corrected"] == json!(is_other && row["complete"] == true), "{row}");
        }
        if resolution == "5s" {
            let corrected = rows.iter().filter(|row| row["corrected"] == true).count();
            assert!(corrected > 2 && then["added"] != 0, "{corrected} corrected, {} added", then["added"]);
        }
    }
    assert_eq!(metric(&dashboard, "tickline_dashboard_recomputations_total").await, 1, "one for all resolutions");
    let (status, values) = get(&dashboard, &format!("/api/indicators?symbol=OFTEN&as_of={time_ms}")).await;
    assert_eq!((status, values["rows"].as_array().unwrap().len()), (StatusCode::OK, 500));
    assert!(values["rows"][499]["corrected"].is_boolean() && values["rows"][499]["as_of"].as_u64() < Some(time_ms));
    // Nothing to compute: what was fixed long before, and what the store has now.
    let old = format!("/api/candles?symbol=SOME&to={}&as_of={time_ms}", START_MS + HOUR_MS / 2);
    assert_eq!(get(&dashboard, &old).await.0, StatusCode::OK);
    assert_eq!(get(&dashboard, &format!("/api/candles?symbol=SOME&as_of={END_MS}")).await.0, StatusCode::OK);
    assert_eq!(metric(&dashboard, "tickline_dashboard_recomputations_total").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_shown_says_why() {
    let store = small_store();
    let without = start(&store).await;
    let path = "/api/candles?symbol=AAPL&as_of=5000";
    let error = error_of(&without, path, "started without it", "with --log LOG").await;
    assert_eq!(error, StatusCode::NOT_IMPLEMENTED);
    assert_eq!(error_of(&without, "/api/candles?symbol=A&as_of=x", "as_of", "Unix").await, StatusCode::BAD_REQUEST);
    let both = "/api/candles?symbol=AAPL&as_of=5000&since=1";
    assert_eq!(error_of(&without, both, "exclude each other", "since").await, StatusCode::BAD_REQUEST);

    let home = made();
    let with = dashboard(&home, || ()).await;
    let ahead = format!("/api/candles?symbol=OFTEN&as_of={}", END_MS + 1_000);
    let error = error_of(&with, &ahead, "the store is complete up to 2024-01-03T00:50:00Z only", "/api/frontier").await;
    assert_eq!(error, StatusCode::BAD_REQUEST);
    let unknown = format!("/api/candles?symbol=NONE&as_of={START_MS}");
    assert_eq!(error_of(&with, &unknown, "has not traded", "/api/symbols").await, StatusCode::NOT_FOUND);

    // A log that is gone for a while does no harm to the rest.
    std::fs::rename(home.path("log"), home.path("away")).unwrap();
    let path = format!("/api/indicators?symbol=OFTEN&as_of={}", START_MS + HOUR_MS);
    assert_eq!(error_of(&with, &path, "no log at", "--log").await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(&with, "/api/indicators?symbol=OFTEN").await.0, StatusCode::OK);
    std::fs::rename(home.path("away"), home.path("log")).unwrap();
    assert_eq!(get(&with, &path).await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn computations_are_bounded() {
    let home = made();
    let gate = Arc::new((Mutex::new(true), Condvar::new()));
    let opened = Arc::clone(&gate);
    let dashboard = Arc::new(
        dashboard(&home, move || {
            let (is_open, changed) = &*opened;
            drop(changed.wait_while(is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
        })
        .await,
    );
    *gate.0.lock().unwrap() = false;
    let ask = |at: u64| {
        let dashboard = Arc::clone(&dashboard);
        let path = format!("/api/candles?symbol=OFTEN&resolution=5s&as_of={}", START_MS + HOUR_MS + at * 60_000);
        tokio::spawn(async move { get(&dashboard, &path).await })
    };
    let asked: Vec<_> = (0..8).map(ask).collect();
    while metric(&dashboard, "tickline_dashboard_recomputation_requests").await < 8 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let more = ask(8).await.unwrap();
    assert_eq!(
        (more.0, &more.1["error"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("too many requests are computed from the log"))
    );
    assert_eq!(metric(&dashboard, "tickline_dashboard_refused_recomputations_total").await, 1);
    assert_eq!(get(&dashboard, "/api/candles?symbol=OFTEN").await.0, StatusCode::OK, "others are answered");
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    for asked in asked {
        assert_eq!(asked.await.unwrap().0, StatusCode::OK);
    }
    assert_eq!(metric(&dashboard, "tickline_dashboard_recomputation_requests").await, 0);
    assert_eq!(metric(&dashboard, "tickline_dashboard_recomputations_total").await, 8);
}

#[test]
fn a_dashboard_with_another_log_or_settings_does_not_start() {
    let home = made();
    let line = "dashboard --store sqlite:rows.db --listen 127.0.0.1:0 --log";
    home.fails(
        &format!("{line} dir:log --allowed-lateness 5m"),
        2,
        &["differ from those that the store was made with"],
    );
    home.ok("setup --log dir:other --partitions 3");
    home.fails(&format!("{line} dir:other"), 3, &["the store was made from another log"]);
    home.fails(&format!("{line} dir:none"), 2, &["no log at"]);
    let mut dashboard = home.start(&format!("{line} dir:log"));
    let address = dashboard.address_after("http://");
    let path = format!("http://{address}/api/candles?symbol=OFTEN&as_of={}", START_MS + HOUR_MS);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let status = runtime.block_on(async { reqwest::get(path).await.unwrap().status() });
    assert_eq!(status, StatusCode::OK);
    dashboard.terminate();
    wait_for("the end", || (!dashboard.is_alive()).then_some(()));
}
