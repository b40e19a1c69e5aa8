//! Every state of a pipeline as the page shows it, each brought about by what causes it.

use serde_json::{Value, json};

use crate::page::hand::{Hand, picture, progress, trade};
use crate::page::scene;
use crate::page::script::Script;
use crate::shared::process::{Home, Running, wait_for};
use crate::shared::tables;

fn now_ms() -> u64 {
    tickline::time::now_ms()
}

/// Waits until the page shows this label, and returns what it shows then.
fn shows(script: &mut Script, label: &str, name: &str) -> Value {
    script.answer(&json!([label, picture(name)]).to_string());
    let shown = script.report();
    println!("{name}: {shown}");
    assert_eq!(shown["label"], label);
    shown
}

fn end(mut script: Script) {
    script.answer(&json!(["", ""]).to_string());
    script.end();
}

fn signal(process: &Running, name: &str) {
    let status = std::process::Command::new("kill").args([name, &process.id().to_string()]).status().unwrap();
    assert!(status.success());
}

fn work(home: &Home) -> Running {
    home.start("work --log dir:log --store sqlite:rows.db")
}

#[test]
fn every_outage_is_distinguished() {
    let home = Home::new();
    let log = Hand::new(&home);
    let start_ms = now_ms() - 20_000;
    log.append(&[progress(start_ms), trade(start_ms + 100, 100.5, 3.0), progress(now_ms())]);
    let worker = work(&home);
    wait_for("a frontier", || tables::progress(&home.path("rows.db")).frontier);
    let (dashboard, address) = scene::serve(&home);
    let mut script = Script::start("states", &address);
    // The source writes each second, as it should; then it repeats itself, as `ingest` does without a feed.
    let alive = std::sync::Arc::new(std::sync::atomic::AtomicU8::new(0));
    let mode = std::sync::Arc::clone(&alive);
    let hand = Hand::at(&home);
    let source = std::thread::spawn(move || {
        let mut last = now_ms();
        loop {
            match mode.load(std::sync::atomic::Ordering::SeqCst) {
                0 => last = now_ms(),
                1 => {}
                2 => {
                    std::thread::sleep(std::time::Duration::from_millis(100));
                    continue;
                }
                _ => return,
            }
            hand.append(&[progress(last)]);
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
    });
    let set = |to: u8| alive.store(to, std::sync::atomic::Ordering::SeqCst);
    let live = shows(&mut script, "Live", "live");
    assert_eq!((&live["mood"], live["lag"].as_str().unwrap().contains("behind now")), (&json!("good"), true));
    set(1);
    let dead = shows(&mut script, "Feed dead", "feed-dead");
    assert_eq!((&dead["mood"], &dead["state"]), (&json!("bad"), &json!("feed_dead")));
    assert!(dead["why"].as_str().unwrap().contains("source hand writes"), "{dead}");
    set(2);
    let silent = shows(&mut script, "Source silent", "source-silent");
    assert!(silent["why"].as_str().unwrap().contains("source hand writes nothing"), "{silent}");
    set(0);
    shows(&mut script, "Live", "live-again");

    // A connection over which nothing comes any more is the viewer's own trouble, and no outage of the feed.
    signal(&dashboard, "-STOP");
    let lost = shows(&mut script, "Connection lost", "connection-lost");
    assert!(lost["why"].as_str().unwrap().contains("no word from the server since"), "{lost}");
    assert!(!lost["why"].as_str().unwrap().contains("source"), "{lost}");
    signal(&dashboard, "-CONT");
    shows(&mut script, "Live", "connection-back");

    worker.kill();
    let down = shows(&mut script, "Worker down", "worker-down");
    assert!(down["why"].as_str().unwrap().contains("no sign of life"), "{down}");
    let worker = work(&home);
    shows(&mut script, "Live", "worker-back");
    set(3);
    source.join().unwrap();
    log.append(&[json!({ "type": "bye", "source": "hand" })]);
    let rest = shows(&mut script, "At rest", "at-rest");
    assert_eq!((&rest["mood"], &rest["lag"]), (&json!("calm"), &json!("")));
    // It stays so without a worker.
    worker.kill();
    std::thread::sleep(std::time::Duration::from_secs(20));
    let rest = shows(&mut script, "At rest", "at-rest-without-worker");
    assert!(rest["why"].as_str().unwrap().contains("no worker is running"), "{rest}");
    end(script);
}

#[test]
fn recorded_data_is_at_rest_from_the_first_moment() {
    let home = Home::new();
    home.write("trades.jsonl", home.ok("simulate --seed 7 --print 5000 --instruments 3 --start 2013-10-07T13:30:00Z"));
    home.ok("import trades.jsonl --log dir:log");
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    let (_dashboard, address) = scene::serve(&home);
    let mut script = Script::start("states", &address);
    let rest = shows(&mut script, "At rest", "recorded");
    assert!(rest["why"].as_str().unwrap().starts_with("complete up to 2013-10-07T13:3"), "{rest}");
    assert!(!rest.to_string().contains("behind") && !rest.to_string().contains("years"), "{rest}");
    end(script);
}

#[test]
fn a_dead_feed_of_a_real_ingest_is_said_and_nothing_yet_before_it() {
    let home = Home::new();
    home.ok("setup --log dir:log --partitions 2");
    let mut simulator = home.start("simulate --listen 127.0.0.1:0 --instruments 3");
    let feed = simulator.address_after("ws://");
    let _worker = work(&home);
    wait_for("a store", || home.path("rows.db").exists().then_some(()));
    // Its first heartbeat comes some seconds after its tables.
    wait_for("a sign of life", || {
        let status = home.run("status --store sqlite:rows.db").stdout;
        status.contains("no source has reported progress").then_some(())
    });
    let (_dashboard, address) = scene::serve(&home);
    let mut script = Script::start("states", &address);
    let none = shows(&mut script, "Nothing complete yet", "nothing-yet");
    assert!(none["why"].as_str().unwrap().contains("no source has reported progress"), "{none}");
    let url = format!("ws://{feed}");
    let words = [
        "ingest",
        "--log",
        "dir:log",
        "--source",
        "one",
        "--symbols",
        "AAPL,NVDA",
        "--url",
        &url,
        "--liveness-timeout",
        "60s",
    ];
    let ingest = home.start_with(&words.join(" "), &[("FINNHUB_TOKEN", "any")]);
    shows(&mut script, "Live", "ingest-live");
    // The connection stays, and nothing comes over it any more: no trades, and no pongs.
    signal(&simulator, "-STOP");
    let dead = shows(&mut script, "Feed dead", "ingest-feed-dead");
    assert!(dead["why"].as_str().unwrap().contains("source one writes"), "{dead}");
    ingest.kill();
    let silent = shows(&mut script, "Source silent", "ingest-killed");
    assert!(silent["why"].as_str().unwrap().contains("source one writes nothing"), "{silent}");
    end(script);
}
