//! Replays of a part of a log: up to a time, or from an offset.

use serde_json::Value;

use crate::shared::process::Home;
use crate::shared::tables;

/// A log of a few minutes, and the lines printed by a replay of all of it.
fn home() -> (Home, Vec<Value>) {
    let home = Home::new();
    home.simulate("trades.jsonl", 100_000, "2024-01-02T14:30:00Z");
    home.ok("import --log dir:log --partitions 3 trades.jsonl");
    let lines = lines(&home.ok("replay --log dir:log"));
    assert!(lines.len() > 3, "{lines:?}");
    (home, lines)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn number(home: &Home, store: &str, sql: &str) -> i64 {
    tables::open(&home.path(store)).query_row(sql, [], |row| row.get(0)).unwrap()
}

fn rows(home: &Home, store: &str) -> i64 {
    tables::ROWS.iter().map(|table| number(home, store, &format!("SELECT count(*) FROM {table}"))).sum()
}

#[test]
fn replay_ends_at_the_given_time() {
    let (home, whole) = home();
    let minute = whole[2]["frontier"].as_str().unwrap();
    let until = |time: &str, store: &str| {
        lines(&home.ok(&format!("replay --log dir:log --workers 2 --until {time} --write-to sqlite:{store}")))
    };
    let part = until(minute, "minute.db");
    assert_eq!(part, whole[..3], "the lines up to it equal those of the whole log");
    assert_eq!(rows(&home, "minute.db"), part[2]["rows"].as_i64().unwrap(), "no row after it is written");

    // Between two minutes.
    let odd = minute.replace(":00Z", ":37Z");
    let part = until(&odd, "odd.db");
    assert_eq!((part.len(), &part[..3]), (4, &whole[..3]));
    assert_eq!(part[3]["frontier"], odd);
    assert_eq!(rows(&home, "odd.db"), part[3]["rows"].as_i64().unwrap());
    assert!(rows(&home, "odd.db") > rows(&home, "minute.db"));
    let verified = home.ok("verify --log dir:log --store sqlite:odd.db");
    assert!(verified.contains(part[3]["digest"].as_str().unwrap()), "{verified}");
}

#[test]
fn replay_begins_at_the_given_offsets() {
    let (home, whole) = home();
    let all = home.ok("replay --log dir:log --from-offset 0=0,2=0 --write-to sqlite:whole.db");
    assert_eq!(lines(&all), whole, "the first offsets are the default");

    let minute = whole[1]["frontier"].as_str().unwrap();
    home.ok(&format!("replay --log dir:log --until {minute} --write-to sqlite:first.db"));
    let status: Value = serde_json::from_str(&home.ok("status --store sqlite:first.db --format json")).unwrap();
    let resume: String =
        tables::open(&home.path("first.db")).query_row("SELECT resume FROM frontier", [], |row| row.get(0)).unwrap();
    let points: Vec<Value> = serde_json::from_str(&resume).unwrap();
    let places: Vec<String> =
        points.iter().map(|point| format!("--from-offset {}={}", point["partition"], point["offset"])).collect();
    assert!(points.iter().all(|point| point["offset"].as_u64() > Some(0)), "{resume}");
    let rest = lines(&home.ok(&format!("replay --log dir:log {} --write-to sqlite:rest.db", places.join(" "))));
    assert_eq!(rest.last().unwrap()["frontier"], whole.last().unwrap()["frontier"]);

    // Windows that begin after the offsets have all of their trades.
    let candles = |store: &str| {
        let from = status["frontier_ms"].as_u64().unwrap() + 60_000;
        let sql = format!("SELECT * FROM candles_5s WHERE window_start >= {from} ORDER BY symbol, window_start");
        tables::rows(&tables::open(&home.path(store)), &sql)
    };
    assert!(candles("rest.db").len() > 100);
    assert_eq!(candles("rest.db"), candles("whole.db"));
    assert!(rows(&home, "rest.db") < rows(&home, "whole.db"), "earlier rows are missing");

    home.fails("replay --log dir:log --from-offset 3=0", 2, &["partition 3", "0 to 2"]);
    home.fails("replay --log dir:log --from-offset 3", 2, &["PARTITION=OFFSET"]);
}
