//! Gaps as `tickline gaps` shows them: once each, however many partitions of the log report them.

use std::fs::OpenOptions;
use std::io::Write;

use serde_json::{Value, json};

use crate::shared::process::Home;

const T0: u64 = 1_700_000_000_000;

fn append(home: &Home, partition: usize, lines: &[String]) {
    let path = home.path(&format!("log/partition-{partition:05}.jsonl"));
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    lines.iter().for_each(|line| writeln!(file, "{line}").unwrap());
}

fn gap(source: &str, seconds: (u64, u64), cause: &str) -> String {
    let (from_ms, to_ms) = (T0 + seconds.0 * 1_000, T0 + seconds.1 * 1_000);
    json!({ "type": "gap", "source": source, "from_ms": from_ms, "to_ms": to_ms, "cause": cause }).to_string()
}

fn progress(source: &str, seconds: u64) -> String {
    json!({ "type": "progress", "source": source, "event_ms": T0 + seconds * 1_000 }).to_string()
}

/// A log of three partitions: one gap in all of them, one in the first, one with a cause that is too long.
fn home() -> Home {
    let home = Home::new();
    home.write("none.jsonl", "");
    home.ok("import none.jsonl --log dir:log --partitions 3");
    for partition in 0..3 {
        append(&home, partition, &[progress("one", 5), gap("one", (5, 9), "the feed, it closed"), progress("one", 60)]);
    }
    append(&home, 0, &[gap("two", (100, 200), "lost"), gap("two", (0, 1), &"x".repeat(1_025))]);
    for partition in 0..3 {
        append(&home, partition, &[progress("one", 70), r#"{"type":"bye","source":"one"}"#.to_owned()]);
    }
    home
}

fn gaps(home: &Home, more: &str) -> Value {
    serde_json::from_str(&home.ok(&format!("gaps --store sqlite:store.db --format json {more}"))).unwrap()
}

#[test]
fn a_gap_is_shown_once() {
    let home = home();
    home.ok("work --log dir:log --store sqlite:store.db --until-end");
    let all = gaps(&home, "");
    assert_eq!(all.as_array().unwrap().len(), 2, "{all}");
    assert_eq!((&all[0]["source"], &all[0]["partitions"]), (&json!("one"), &json!([0, 1, 2])));
    assert_eq!((&all[0]["from_ms"], &all[0]["to_ms"]), (&json!(T0 + 5_000), &json!(T0 + 9_000)));
    assert_eq!((&all[0]["complete"], &all[1]["partitions"]), (&json!(true), &json!([0])));
    let of = |more: &str| gaps(&home, more).as_array().unwrap().len();
    let at = |seconds: u64| T0 + seconds * 1_000;
    assert_eq!([of("--source two"), of("--source none"), of(&format!("--from {}", at(10)))], [1, 0, 1]);
    assert_eq!(of(&format!("--from {} --to {}", at(9), at(100))), 1, "the end of a gap belongs to it");
    let table = home.ok("gaps --store sqlite:store.db");
    let first = table.lines().nth(1).unwrap();
    assert!(first.starts_with("2023-11-14T22:13:25Z  2023-11-14T22:13:29Z       yes       0 1 2     one"), "{table}");
    assert!(first.ends_with("the feed, it closed"), "{table}");
    let csv = home.ok("gaps --store sqlite:store.db --format csv");
    let wanted = format!("one,{},{},\"the feed, it closed\",0 1 2,{},true", T0 + 5_000, T0 + 9_000, T0 + 5_000);
    assert_eq!(csv.lines().nth(1), Some(wanted.as_str()));
    // What was too long to be a gap is kept whole, elsewhere.
    let rejected = home.ok("rejected list --store sqlite:store.db --format csv");
    assert!(rejected.contains("bad_control") && rejected.contains(&"x".repeat(1_025)), "{rejected}");
    // They are part of the digest, whatever the number of workers, and in both progress modes.
    home.ok("verify --log dir:log --store sqlite:store.db --workers 2");
    home.ok("work --log dir:log --store sqlite:other.db --until-end --max-out-of-orderness 5s");
    let other = home.ok("gaps --store sqlite:other.db --format csv");
    assert_eq!(other.lines().count(), 3, "{other}");
}

#[test]
fn the_state_of_recorded_data_is_rest_and_of_a_live_source_it_is_not() {
    let home = home();
    home.ok("work --log dir:log --store sqlite:store.db --until-end");
    let state = |home: &Home| -> Value {
        let status = home.ok("status --store sqlite:store.db --format json");
        serde_json::from_str::<Value>(&status).unwrap()["state"].clone()
    };
    assert_eq!((&state(&home)["state"], &state(&home)["mood"]), (&json!("at_rest"), &json!("calm")));
    let text = home.ok("status --store sqlite:store.db");
    assert!(text.starts_with("state            At rest: complete up to 2023-11-14T22:14:"), "{text}");
    assert!(!text.contains("behind"), "{text}");
    // A source that joined and never left, though nobody reads on.
    for partition in 0..3 {
        append(&home, partition, &[progress("late", 90)]);
    }
    home.ok("work --log dir:log --store sqlite:store.db --until-end");
    let state = state(&home);
    assert_eq!((&state["state"], &state["mood"]), (&json!("worker_down"), &json!("bad")), "{state}");
}
