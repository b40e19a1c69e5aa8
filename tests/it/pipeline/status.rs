//! `status` of a finished log, of one that a dead source holds back, and of records that nobody has read.

use serde_json::Value;

use crate::shared::process::Home;
use crate::shared::raw_log::append;

const T0: u64 = 1_700_000_000_000;

fn status(home: &Home) -> Value {
    let text = home.ok("status --log dir:log --store sqlite:store.db --format json");
    serde_json::from_str(&text).unwrap()
}

fn trade(seconds: u64) -> String {
    format!(r#"{{"c":null,"p":2,"s":"X:A","t":{},"v":1}}"#, T0 + seconds * 1_000)
}

fn progress(source: &str, seconds: u64) -> String {
    format!(r#"{{"type":"progress","source":"{source}","event_ms":{}}}"#, T0 + seconds * 1_000)
}

#[test]
fn finished_log_has_nothing_unread_or_waiting() {
    let home = Home::new();
    home.simulate("trades.jsonl", 20_000, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:log --partitions 3");
    home.ok("work --log dir:log --store sqlite:store.db --until-end");
    let json = status(&home);
    assert_eq!((&json["unread_records"], &json["waiting_records"]), (&0.into(), &0.into()), "{json}");
    for partition in json["partitions"].as_array().unwrap() {
        assert_eq!(partition["sources"], serde_json::json!({}), "{partition}");
        assert_eq!(partition["read_offset"], partition["end_offset"], "{partition}");
    }
    assert!(json["held_back_by"].as_array().unwrap().iter().all(|held| held["source"].is_null()), "{json}");
    let text = home.ok("status --log dir:log --store sqlite:store.db");
    assert!(text.contains("every source has left") && !text.contains("1970"), "{text}");
}

#[test]
fn dead_source_holds_back_what_was_read() {
    let home = Home::new();
    home.write("none.jsonl", "");
    home.ok("import none.jsonl --log dir:log --partitions 2");
    for partition in 0..2 {
        append(&home, partition, &[progress("dead", 5), progress("alive", 5), trade(1), trade(30), trade(31)]);
        append(&home, partition, &[progress("alive", 60)]);
    }
    // Trades that wait for the dead source are not complete, and this does not pass for success.
    let words = ["12 records were read and are not complete", "partition 0, 1", "tickline status"];
    home.fails("work --log dir:log --store sqlite:store.db --until-end", 1, &words);
    // Nobody reads these two.
    append(&home, 1, &[trade(61), trade(62)]);
    let json = status(&home);
    assert_eq!(json["frontier_ms"], T0 + 5_000);
    assert_eq!(json["waiting_records"], 6, "of both partitions, the late one too: {json}");
    assert_eq!(json["unread_records"], 2, "{json}");
    let held = &json["held_back_by"];
    assert_eq!(held.as_array().unwrap().len(), 1, "{held}");
    assert_eq!((&held[0]["source"], &held[0]["partitions"]), (&"dead".into(), &serde_json::json!([0, 1])), "{held}");
    let text = home.ok("status --log dir:log --store sqlite:store.db");
    assert!(text.contains("source dead in partitions 0, 1: progress up to 2023-11-14T22:13:25Z"), "{text}");
}

#[test]
fn unreachable_log_leaves_the_store_part() {
    let home = Home::new();
    home.simulate("trades.jsonl", 1_000, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:log");
    home.ok("work --log dir:log --store sqlite:store.db --until-end");
    let begun = std::time::Instant::now();
    let ended = home.run("status --log kafka://127.0.0.1:9/trades --store sqlite:store.db");
    assert!(begun.elapsed().as_secs() < 4, "{:?}", begun.elapsed());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("complete up to   2024-01-02T"), "{ended:?}");
    assert!(ended.stderr.contains("cannot read the log"), "{ended:?}");
}

#[test]
fn a_log_with_more_is_not_at_rest() {
    let home = Home::new();
    home.simulate("trades.jsonl", 1_000, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:log --partitions 1");
    home.ok("work --log dir:log --store sqlite:store.db --until-end");
    let status = "status --log dir:log --store sqlite:store.db";
    assert!(home.ok(status).contains("At rest"));
    append(&home, 0, &[r#"{"type":"progress","source":"x","event_ms":1704300000000}"#.to_owned()]);
    let text = home.ok(status);
    assert!(text.contains("Worker down: no worker reads the log, which has 1 unread"), "{text}");
}

#[test]
fn a_store_of_another_log_is_named() {
    let home = Home::new();
    home.simulate("trades.jsonl", 1_000, "2024-01-02T14:30:00Z");
    for log in ["log", "other"] {
        home.ok(&format!("import trades.jsonl --log dir:{log} --partitions 1"));
    }
    home.ok("work --log dir:log --store sqlite:store.db --until-end");
    let ended = home.run("status --log dir:other --store sqlite:store.db");
    ended.is(3, &["the store was made from another log"]);
}
