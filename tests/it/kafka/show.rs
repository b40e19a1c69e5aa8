//! The whole pipeline as its users run it: a process for each role, over the real broker.

use crate::shared::broker::shared;
use crate::shared::process::{Home, Running, wait_for};

fn end_well(mut process: Running, what: &str) {
    process.terminate();
    process.end(what).is(0, &[]);
}

#[test]
fn the_pipeline_runs_as_separate_processes() {
    let home = Home::new();
    let (log, symbols) = (shared().log_address("show-trades"), shared().log_address("show-symbols"));
    home.ok(&format!("setup --log {log} --symbols {symbols} --partitions 3 --replication 1"));
    home.write("key", "show-key\n");
    let mut simulator = home.start("simulate --listen 127.0.0.1:0 --token-file key --activity 20");
    let address = simulator.address_after("ws://");
    let line = format!("ingest --log {log} --source show --symbols AAPL,NVDA,BINANCE:BTCUSDT --url ws://{address}/");
    let ingest = home.start_with(&line, &[("FINNHUB_TOKEN", "show-key")]);
    home.ok(&format!(
        "symbols sync --log {symbols} --cache cache --exchange US --token-file key --url http://{address}/api/v1"
    ));
    let work = home.start(&format!("work --log {log} --store sqlite:rows.db --workers 2 --symbol-log {symbols}"));
    let line = "candles --store sqlite:rows.db --symbol AAPL --resolution 5s --format csv";
    let candles = wait_for("candles of a feed that goes on", || {
        let candles = home.run(line);
        (candles.code == Some(0) && candles.stdout.lines().count() > 3).then_some(candles.stdout)
    });
    assert!(candles.lines().nth(1).unwrap().starts_with("AAPL,"), "{candles}");
    let line = "symbols search apple --store sqlite:rows.db --format plain";
    wait_for("the directory, by way of its topic", || {
        let found = home.run(line);
        (found.code == Some(0) && found.stdout.lines().any(|symbol| symbol == "AAPL")).then_some(())
    });
    end_well(ingest, "ingest");
    end_well(simulator, "simulate");
    work.kill();
    home.ok(&format!("work --log {log} --store sqlite:rows.db --until-end"));
    let last = |workers: u32| {
        let lines = home.ok(&format!("replay --log {log} --workers {workers}"));
        lines.lines().last().unwrap().to_owned()
    };
    assert!(last(1).contains("digest"));
    assert_eq!(last(1), last(1), "the same log twice");
    assert_eq!(last(1), last(3), "on other workers");
    home.ok(&format!("verify --log {log} --store sqlite:rows.db --workers 2"));
}
