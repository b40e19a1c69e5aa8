//! Readers that are started before what they read: a dashboard before there is a store, a worker before there is a log.

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

#[test]
fn a_worker_waits_for_a_log_that_is_being_made() {
    let home = Home::new();
    let mut work = home.start("work --log dir:log --store sqlite:rows.db");
    let waits = "waiting for the log, which does not exist yet";
    wait_for("the log line about waiting", || {
        assert!(work.is_alive(), "{}", work.stderr());
        work.stderr().contains(waits).then_some(())
    });
    // As a writer leaves it that is creating three partitions: the first one comes last.
    std::fs::create_dir(home.path("log")).unwrap();
    home.write("log/partition-00002.jsonl", "");
    home.write("log/partition-00001.jsonl", "");
    home.fails("work --log dir:log --store sqlite:rows.db --until-end", 2, &["no log at", "a writer is creating it"]);
    home.fails("replay --log dir:log", 2, &["no log at", "a writer is creating it"]);
    assert!(work.is_alive() && !home.path("rows.db").exists(), "it has read nothing");

    home.simulate("trades.jsonl", 100, "2024-01-02T15:00:00Z");
    home.ok("import trades.jsonl --log dir:log --partitions 3");
    wait_for("the rows", || {
        assert!(work.is_alive(), "{}", work.stderr());
        crate::shared::tables::progress(&home.path("rows.db")).frontier
    });
    work.terminate();
    work.end("the worker").is(0, &[waits]);
    home.ok("verify --rows --log dir:log --store sqlite:rows.db");

    // A log that was there has lost its first partition: nobody creates that again.
    std::fs::remove_file(home.path("log/partition-00000.jsonl")).unwrap();
    home.fails("work --log dir:log --store sqlite:rows.db", 3, &["partition-00000.jsonl is missing", "restore"]);
}

#[test]
fn a_worker_that_waits_for_its_log_can_be_terminated() {
    let home = Home::new();
    let mut work = home.start("work --log dir:log --store sqlite:rows.db");
    wait_for("the log line about waiting", || work.stderr().contains("waiting for the log").then_some(()));
    work.terminate();
    work.end("the worker").is(0, &["stopping before anything was read"]);
}
