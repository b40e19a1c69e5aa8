//! `tickline ingest` and `tickline demo` as processes fed by `tickline simulate`, with an API token that must not leak.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::shared::account::{balance, read_kept, read_sent};
use crate::shared::process::{DEADLINE, Ended, Home, Running, wait_for};

/// API token that must not appear anywhere, with characters that a URL must encode.
const CANARY: &str = "canary&7f3 9";
const ENCODED: &str = "canary%267f3%209";

fn simulate(home: &Home, more: &str) -> (Running, String) {
    home.write("key", format!("{CANARY}\n"));
    let line = format!("simulate --listen 127.0.0.1:0 --token-file key --activity 20 --sent sent {more}");
    let mut simulator = home.start(&line);
    let address = simulator.address_after("ws://");
    (simulator, address)
}

fn ingest(home: &Home, address: &str, more: &str) -> Running {
    let line =
        format!("ingest --log dir:log --source one --symbols AAPL,NVDA,BINANCE:BTCUSDT --url ws://{address} {more}");
    home.start_with(&line, &[("FINNHUB_TOKEN", CANARY)])
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The records of all partitions.
fn records(home: &Home, log: &str) -> Vec<Vec<String>> {
    (0..4)
        .map(|partition| {
            let text = std::fs::read_to_string(home.path(&format!("{log}/partition-{partition:05}.jsonl")));
            let text = text.unwrap_or_else(|error| panic!("{log}, partition {partition}: {error}"));
            text.lines().map(str::to_owned).collect()
        })
        .collect()
}

fn last_records(home: &Home) -> Vec<Option<String>> {
    records(home, "log").into_iter().map(|records| records.last().cloned()).collect()
}

fn ends_well(mut process: Running, what: &str) -> Ended {
    process.terminate();
    let ended = process.end(what);
    ended.is(0, &[]);
    ended
}

fn assert_token_is_hidden(ended: &Ended) {
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains(CANARY) && !text.contains(ENCODED), "{text}");
    }
}

/// Value of a metric.
fn number(metrics: &str, name: &str) -> f64 {
    let value = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    value.unwrap_or_else(|| panic!("{name} is missing: {metrics}")).parse().unwrap()
}

#[test]
fn ingest_exports_metrics_and_writes_a_bye() {
    let home = Home::new();
    let (simulator, address) = simulate(&home, "--fault disconnect-every=2500ms");
    let mut ingest = ingest(&home, &address, "--listen 127.0.0.1:0");
    let metrics = ingest.address_after("metrics: http://");
    let answer = wait_for("a gap and trades", || {
        let answer = get(&metrics, "/metrics");
        let gaps = number(&answer, "tickline_ingest_gaps_total{cause=\"reconnect\"}");
        (gaps >= 1.0 && number(&answer, "tickline_ingest_trades_total") > 100.0).then_some(answer)
    });
    assert!(!answer.contains("canary"));
    assert_eq!(number(&answer, "tickline_ingest_rejected_total"), 0.0);
    assert!(number(&answer, "tickline_ingest_frame_age_seconds") < 60.0);
    assert!(get(&metrics, "/healthz").ends_with("ok\n"));
    wait_for("the line", || ingest.stderr().contains(" trades, ").then_some(()));
    wait_for("readiness", || get(&metrics, "/readyz").starts_with("HTTP/1.1 200").then_some(()));
    let simulated = ends_well(simulator, "the simulator");
    // Without the feed it is not ready, but goes on.
    wait_for("the end of the feed", || get(&metrics, "/readyz").starts_with("HTTP/1.1 503").then_some(()));
    let ended = ends_well(ingest, "the ingest");
    assert_token_is_hidden(&simulated);
    assert_token_is_hidden(&ended);
    for records in records(&home, "log") {
        assert_eq!(records.last().map(String::as_str), Some(r#"{"type":"bye","source":"one"}"#));
        assert!(records.iter().all(|record| !record.contains("canary")));
    }
    let balance = balance(&read_sent(&home.path("sent")), &read_kept(&records(&home, "log")), 1_500);
    assert!(balance.kept > 100 && balance.kept + balance.missing == balance.sent, "{balance:?}");
    let state = std::fs::read_to_string(home.path(".tickline/ingest/one.state")).unwrap();
    assert!(state.contains(r#""bye":true"#) && !state.contains("canary"), "{state}");
}

#[test]
fn a_dead_feed_is_shown_and_withholds_progress() {
    let home = Home::new();
    let (simulator, address) = simulate(&home, "--fault deaf-after=2s");
    let mut ingest = ingest(&home, &address, "--listen 127.0.0.1:0 --liveness-timeout 4s");
    let metrics = ingest.address_after("metrics: http://");
    let withheld = "tickline_ingest_progress_withheld{reason=\"feed\"}";
    let alive = wait_for("progress", || {
        let answer = get(&metrics, "/metrics");
        let has_sign = answer.contains("tickline_ingest_sign_of_life_timestamp_seconds ");
        (has_sign && number(&answer, withheld) == 0.0).then_some(answer)
    });
    let answer = wait_for("withheld progress", || {
        let answer = get(&metrics, "/metrics");
        (number(&answer, withheld) == 1.0).then_some(answer)
    });
    let name = "tickline_ingest_sign_of_life_timestamp_seconds";
    let age = jiff::Timestamp::now().as_millisecond() as f64 / 1e3 - number(&answer, name);
    assert!((2.0..60.0).contains(&age) && number(&answer, name) >= number(&alive, name), "{age}");
    assert_eq!(number(&answer, "tickline_ingest_connected"), 1.0, "it is not given up yet");
    wait_for("the gap", || ingest.stderr().contains("no sign of life for 4000 ms").then_some(()));
    assert!(ingest.stderr().contains("no sign of life from the feed: progress is withheld"), "{}", ingest.stderr());
    ends_well(simulator, "the simulator");
    ends_well(ingest, "the ingest");
    for (flag, value) in [("silence-max", "60s"), ("liveness-timeout", "999ms")] {
        let line = format!("ingest --log dir:other --source one --symbols A --{flag} {value}");
        home.start_with(&line, &[("FINNHUB_TOKEN", CANARY)]).end(&line).is(2, &["--liveness-timeout"]);
    }
}

#[test]
fn a_kill_leaves_a_gap_and_a_bye_does_not() {
    let home = Home::new();
    let (simulator, address) = simulate(&home, "");
    let state = || -> Option<Value> { serde_json::from_slice(&std::fs::read(home.path("s")).ok()?).ok() };
    let gaps = || read_kept(&records(&home, "log")).gaps;
    let first = ingest(&home, &address, "--state s");
    wait_for("acknowledged progress", || state()?["complete_ms"].as_u64().filter(|ms| *ms > 0));
    wait_for("trades", || records(&home, "log").iter().any(|records| records.len() > 20).then_some(()));
    first.kill();
    let complete_ms = state().unwrap()["complete_ms"].as_u64().unwrap();
    let second = ingest(&home, &address, "--state s");
    wait_for("the gap", || gaps().iter().all(|gaps| gaps.len() == 1).then_some(()));
    let started_ms = jiff::Timestamp::now().as_millisecond() as u64;
    for gaps in gaps() {
        assert_eq!(gaps[0]["from_ms"].as_u64(), Some(complete_ms), "{gaps:?}");
        assert!(gaps[0]["to_ms"].as_u64().unwrap() <= started_ms);
    }
    ends_well(second, "the second ingest");
    let third = ingest(&home, &address, "--state s");
    wait_for("progress of the third", || {
        let begun = |record: &Option<String>| record.as_ref().is_some_and(|record| !record.contains(r#""bye""#));
        last_records(&home).iter().all(begun).then_some(())
    });
    ends_well(simulator, "the simulator");
    wait_for("the end of the feed", || third.stderr().contains("feed lost").then_some(()));
    ends_well(third, "the third ingest");
    // The second gap of each partition is the end of the simulator.
    assert!(gaps().iter().all(|gaps| gaps.len() == 2), "{:?}", gaps());
}

#[test]
fn trades_sent_between_processes_are_in_gaps() {
    let home = Home::new();
    let (simulator, address) = simulate(&home, "");
    for _ in 0..3 {
        let ingest = ingest(&home, &address, "--state s");
        let before: usize = std::fs::metadata(home.path("log/partition-00000.jsonl")).map_or(0, |m| m.len() as usize);
        wait_for("trades", || {
            let len = std::fs::metadata(home.path("log/partition-00000.jsonl")).map_or(0, |m| m.len() as usize);
            (len > before + 20_000).then_some(())
        });
        ingest.kill();
    }
    let last = ingest(&home, &address, "--state s");
    wait_for("the last gap", || read_kept(&records(&home, "log")).gaps.iter().all(|g| g.len() == 3).then_some(()));
    ends_well(simulator, "the simulator");
    wait_for("the end of the feed", || last.stderr().contains("feed lost").then_some(()));
    ends_well(last, "the last ingest");
    let mut kept = read_kept(&records(&home, "log"));
    // A killed process may leave half a line in each partition, which the next one ends.
    kept.trades.retain(|text, _| serde_json::from_str::<Value>(text).is_ok());
    let balance = balance(&read_sent(&home.path("sent")), &kept, 1_500);
    assert!(balance.kept > 0 && balance.kept + balance.missing == balance.sent, "{balance:?}");
}

#[test]
fn usage_errors_name_the_remedy() {
    let home = Home::new();
    let key = [("FINNHUB_TOKEN", CANARY)];
    let fails = |line: &str, settings: &[(&str, &str)], words: &[&str]| {
        let ended = home.start_with(line, settings).end(line);
        ended.is(2, words);
        assert_token_is_hidden(&ended);
    };
    let head = "ingest --log dir:log --source one";
    fails(&format!("{head} --symbols A"), &[], &["FINNHUB_TOKEN", "--token-file"]);
    fails(&format!("{head} --symbols A --token-file none"), &[], &["none", "cannot read"]);
    fails(&format!("{head} --symbols ,"), &key, &["no symbols"]);
    fails(&format!("{head} --watchlist -"), &key, &["no symbols"]);
    fails(&format!("{head} --watchlist none"), &key, &["none", "cannot read"]);
    fails(&format!("{head} --symbols A --url ws://127.0.0.1:1/?token=canary"), &key, &["FINNHUB_TOKEN"]);
    fails(&format!("{head} --symbols A --url no-address"), &key, &["ws://"]);
    fails(&format!("{head} --symbols A --ca none"), &key, &["none", "certificates"]);
    home.write("list", (0..51).map(|n| format!("S{n}\n")).collect::<String>());
    fails(&format!("{head} --watchlist list"), &key, &["51 symbols", "--share 0/2", "--symbols-max"]);
    fails(&format!("{head} --symbols A --log kafka://x"), &key, &["cannot be used multiple times"]);
    home.write("other", r#"{"source":"two","complete_ms":1,"bye":false}"#);
    let other = home.start_with(&format!("{head} --symbols A --state other"), &key).end("a foreign state");
    other.is(1, &["other", "two"]);
}

#[test]
fn a_rejected_token_exits_2_and_is_hidden() {
    let home = Home::new();
    let (simulator, address) = simulate(&home, "");
    let line = format!("ingest --log dir:log --source one --symbols AAPL --url ws://{address}/");
    let ended = home.start_with(&line, &[("FINNHUB_TOKEN", "canary&other")]).end(&line);
    ended.is(2, &["401", "token"]);
    assert!(!ended.stderr.contains("canary") && !ended.stdout.contains("canary"), "{ended:?}");
    ends_well(simulator, "the simulator");
}

#[test]
fn the_demo_uses_the_feed_with_a_token() {
    let home = Home::new();
    let (simulator, address) = simulate(&home, "");
    home.write("list", "symbol,name\nAAPL,Apple\nBINANCE:BTCUSDT,Bitcoin\nNVDA,Nvidia\n");
    let url = format!("ws://{address}/");
    let settings = [("FINNHUB_TOKEN", CANARY), ("FINNHUB_URL", url.as_str())];
    let demo = home.start_with("demo --data data --port 0 --instruments 2 --watchlist list", &settings);
    wait_for("trades of the feed", || {
        let path = home.path("data/finnhub/log/partition-00000.jsonl");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.contains("progress").then_some(())
    });
    wait_for("trades", || {
        let all = records(&home, "data/finnhub/log").concat().concat();
        (all.contains("AAPL") && all.contains("BINANCE:BTCUSDT")).then_some(())
    });
    let ended = ends_well(demo, "the demo");
    assert_token_is_hidden(&ended);
    assert!(!records(&home, "data/finnhub/log").concat().concat().contains("NVDA"), "only two were requested");
    ends_well(simulator, "the simulator");
    let rejected = home.start_with(
        "demo --data data --port 0",
        &[("FINNHUB_TOKEN", CANARY), ("FINNHUB_URL", "ws://127.0.0.1:1/?token=canary")],
    );
    rejected.end("a token in the URL").is(2, &["FINNHUB_URL"]);
}
