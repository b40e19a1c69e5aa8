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

/// `--from-offset` or `--to-offset` for the published resume points of a store.
fn points(home: &Home, store: &str, option: &str) -> (String, Vec<(usize, usize)>) {
    let resume: String =
        tables::open(&home.path(store)).query_row("SELECT resume FROM frontier", [], |row| row.get(0)).unwrap();
    let points: Vec<Value> = serde_json::from_str(&resume).unwrap();
    let place = |point: &Value| ["partition", "offset"].map(|name| point[name].as_u64().unwrap() as usize);
    let places: Vec<[usize; 2]> = points.iter().map(place).collect();
    let words = places.iter().map(|[partition, offset]| format!("{partition}={offset}")).collect::<Vec<_>>();
    (format!("{option} {}", words.join(",")), places.iter().map(|place| (place[0], place[1])).collect())
}

#[test]
fn replay_stops_before_the_given_offsets() {
    let (home, whole) = home();
    let minute = whole[2]["frontier"].as_str().unwrap();
    home.ok(&format!("replay --log dir:log --until {minute} --write-to sqlite:minute.db"));
    let (to, places) = points(&home, "minute.db", "--to-offset");
    // The same log as somebody would have it who had kept only the first records of two of its partitions.
    std::fs::create_dir(home.path("cut")).unwrap();
    for (partition, offset) in &places {
        let name = format!("partition-{partition:05}.jsonl");
        let text = std::fs::read_to_string(home.path(&format!("log/{name}"))).unwrap();
        let kept = if *partition == 1 { usize::MAX } else { *offset };
        let lines: String = text.lines().take(kept).map(|line| format!("{line}\n")).collect();
        assert!(*offset > 0 && *offset < text.lines().count());
        home.write(&format!("cut/{name}"), lines);
    }
    let to = to.replace(&format!(",1={}", places[1].1), "");
    let cut = home.ok("replay --log dir:cut --write-to sqlite:cut.db");
    let part = home.ok(&format!("replay --log dir:log {to} --write-to sqlite:part.db --workers 2"));
    assert_eq!(part, cut);
    tables::assert_same(&home.path("part.db"), &home.path("cut.db"));
    let lines = lines(&part);
    assert!(lines.len() < whole.len() && lines[..lines.len() - 1] == whole[..lines.len() - 1], "{lines:?}");
    // One that ends at once, with more after it in the others than may wait.
    let early = self::lines(&home.ok("replay --log dir:log --to-offset 0=100"));
    assert!(early.len() == 1 && early[0]["frontier"].as_str() < whole[0]["frontier"].as_str(), "{early:?}");
    // Offsets past the end are the end.
    assert_eq!(home.ok("replay --log dir:log --to-offset 0=99999999"), home.ok("replay --log dir:log"));
    let words = ["--to-offset leaves out the last records", "write to a new store"];
    home.fails(&format!("replay --log dir:log {to} --write-to sqlite:minute.db"), 2, &words);
    home.fails("replay --log dir:log --to-offset 3=0", 2, &["--to-offset names partition 3"]);
    home.fails("replay --log dir:log --from-offset 0=9 --to-offset 0=8", 2, &["before its --from-offset"]);
}

#[test]
fn a_store_of_a_part_says_so() {
    let (home, whole) = home();
    let minute = whole[2]["frontier"].as_str().unwrap();
    let until = format!("replay --log dir:log --until {minute} --write-to sqlite:minute.db");
    home.ok(&until);
    let (from, _) = points(&home, "minute.db", "--from-offset");
    let replay = format!("replay --log dir:log {from} --write-to sqlite:rest.db");
    home.ok(&replay);
    let refused = ["the store has the rows from offset ", " of partition 2 on", "the beginning of the log", "NEW"];
    home.fails("work --log dir:log --store sqlite:rest.db --until-end", 2, &refused);
    home.fails("verify --log dir:log --store sqlite:rest.db --rows", 2, &refused);
    home.fails("replay --log dir:log --diff sqlite:rest.db", 2, &refused);
    home.fails("replay --log dir:log --write-to sqlite:rest.db", 2, &refused);
    home.fails("replay --log dir:log --from-offset 0=1 --write-to sqlite:rest.db", 2, &["offset 1 of partition 0 on"]);
    let before = tables::all(&home.path("rest.db"));
    home.ok(&replay);
    assert!(tables::all(&home.path("rest.db")) == before, "the same part again");
    assert!(home.ok("status --store sqlite:rest.db").contains("part of the log  rows from offset "));
    assert!(!home.ok("status --store sqlite:minute.db").contains("part of the log"));
    home.ok(&until);
}

#[test]
fn a_part_from_a_checkpoint_has_the_rows_that_change_after_it() {
    let home = Home::new();
    home.simulate("trades.jsonl", 100_000, "2024-01-02T14:30:00Z");
    let text = std::fs::read_to_string(home.path("trades.jsonl")).unwrap();
    let all: Vec<&str> = text.lines().collect();
    let (first, rest) = all.split_at(all.len() / 2);
    home.write("first.jsonl", first.join("\n"));
    home.write("rest.jsonl", rest.join("\n"));
    for part in ["first", "rest"] {
        home.ok(&format!("import --log dir:log --partitions 3 --source {part} {part}.jsonl"));
        home.ok("work --log dir:log --store sqlite:whole.db --until-end");
    }
    let kept: Value = serde_json::from_str(&home.ok("checkpoint list --store sqlite:whole.db --format json")).unwrap();
    let begins = kept.as_array().unwrap().iter().find(|checkpoint| checkpoint["state"] == "kept").unwrap();
    let begins = begins["frontier"].as_str().unwrap();
    let part =
        format!("replay --log dir:log --checkpoints-of sqlite:whole.db --from {begins} --write-to sqlite:part.db");
    let printed = lines(&home.ok(&part));
    let whole = lines(&home.ok("replay --log dir:log"));
    assert!(whole.ends_with(&printed[1..]) && printed.len() > 1, "{printed:?}");

    let from: u64 = begins.parse::<jiff::Timestamp>().unwrap().as_millisecond().unsigned_abs();
    for table in tables::ROWS {
        let rows = |store: &str, wanted: &str| {
            tables::rows(
                &tables::open(&home.path(store)),
                &format!("SELECT * FROM {table} {wanted} ORDER BY 1, 2, 3, 4"),
            )
        };
        assert_eq!(rows("part.db", ""), rows("whole.db", &format!("WHERE as_of >= {from}")), "{table}");
    }
    assert!(rows(&home, "part.db") > 1_000 && rows(&home, "part.db") < rows(&home, "whole.db"));
    let refused = [&format!("the store has the rows from the checkpoint of {begins} on")[..]];
    home.fails("work --log dir:log --store sqlite:part.db --until-end", 2, &refused);
    home.fails("verify --log dir:log --store sqlite:part.db", 2, &refused);
    let words = ["--from begins at a checkpoint", "write to a new store"];
    home.fails(&part.replace("part.db", "whole.db"), 2, &words);
    let symbol = first[0].split("\"s\":\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(
        home.ok(&format!("candles --store sqlite:part.db --symbol {symbol} --resolution 1m --format csv"))
            .lines()
            .count()
            > 2
    );
}
