//! A dashboard that is started before there is a store.

use crate::shared::process::{Home, wait_for};

#[test]
fn dashboard_waits_for_its_store() {
    let home = Home::new();
    let mut dashboard = home.start("dashboard --store sqlite:rows.db --listen 127.0.0.1:0 --store-wait 1m");
    wait_for("the log line about waiting", || dashboard.stderr().contains("rows.db").then_some(()));
    assert!(dashboard.stdout().is_empty(), "{}", dashboard.stdout());

    home.simulate("trades.jsonl", 100, "2024-01-02T15:00:00Z");
    home.ok("import trades.jsonl --log dir:log");
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    dashboard.address_after("http://");
    dashboard.terminate();
    dashboard.end("the dashboard").is(0, &["waiting for the store"]);
}

#[test]
fn waiting_dashboard_can_be_terminated() {
    let home = Home::new();
    let mut dashboard = home.start("dashboard --store sqlite:rows.db --listen 127.0.0.1:0 --store-wait 1m");
    wait_for("the log line about waiting", || dashboard.stderr().contains("waiting for the store").then_some(()));
    dashboard.terminate();
    dashboard.end("the dashboard").is(0, &[]);
}

#[test]
fn dashboard_gives_up_waiting() {
    let home = Home::new();
    home.start("dashboard --store sqlite:rows.db --listen 127.0.0.1:0 --store-wait 1ms")
        .end("the dashboard")
        .is(2, &["rows.db"]);
}
