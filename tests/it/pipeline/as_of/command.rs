//! `--as-of` of `tickline candles` and `tickline indicators`.

use serde_json::Value;
use tickline::time::rfc3339;

use super::made;
use super::market::{END_MS, START_MS};

const HOUR_MS: u64 = 3_600_000;

#[test]
fn commands_show_rows_as_of_a_time() {
    let home = made();
    let time = rfc3339(START_MS + HOUR_MS);
    let json = |line: &str| -> Vec<Value> { serde_json::from_str(&home.ok(&format!("{line} --format json"))).unwrap() };
    for (command, resolutions) in [("candles", &["5s", "1h", "1d"][..]), ("indicators", &["5s"][..])] {
        for resolution in resolutions {
            let live = format!("{command} --store sqlite:rows.db --symbol OFTEN --resolution {resolution}");
            let then = format!("{live} --log dir:log --as-of {time}");
            let (live, rows) = (json(&live), json(&then));
            assert!(rows.len() < live.len() || *resolution == "1d", "{} of {}", rows.len(), live.len());
            assert!(rows.iter().all(|row| row["as_of"].as_u64().unwrap() < START_MS + HOUR_MS));
            let same = rows.iter().filter(|row| live.contains(row)).count();
            assert!(same < rows.len(), "{same} of {} rows are as they were", rows.len());
            let is_last_complete = rows.last().unwrap()["complete"] == true;
            assert_eq!(is_last_complete, *resolution == "5s", "the day and the hour had not ended");
            assert_eq!(home.ok(&format!("{then} --format csv")).lines().count(), rows.len() + 1);
        }
    }
    let chart = "candles --store sqlite:rows.db --symbol OFTEN --resolution 1m --format chart";
    home.ok(&format!("{chart} --log dir:log --as-of {time}"));
    // The store's own frontier shows what it holds.
    let now = "candles --store sqlite:rows.db --symbol RARE --resolution 5s --format csv";
    assert_eq!(home.ok(&format!("{now} --log dir:log --as-of {}", rfc3339(END_MS))), home.ok(now));
}

#[test]
fn wrong_uses_say_what_to_do() {
    let home = made();
    let candles = "candles --store sqlite:rows.db --symbol OFTEN --resolution 1m";
    let time = rfc3339(START_MS + HOUR_MS);
    home.fails(&format!("{candles} --as-of {time}"), 2, &["--as-of needs --log LOG"]);
    home.fails(
        &format!("{candles} --log dir:log --as-of 2024-01-03T00:50:01Z"),
        2,
        &["the store is complete up to 2024-01-03T00:50:00Z only", "as of 2024-01-03T00:50:01Z is not known yet"],
    );
    home.fails(&format!("{candles} --log dir:log --as-of yesterday"), 2, &["invalid time \"yesterday\""]);
    home.fails(&format!("{candles} --log dir:none --as-of {time}"), 2, &["no log at"]);
    let other = format!("{candles} --log dir:log --as-of {time} --allowed-lateness 5m");
    home.fails(&other, 2, &["differ from those that the store was made with"]);
    home.ok("setup --log dir:other --partitions 3");
    home.fails(&format!("{candles} --log dir:other --as-of {time}"), 3, &["the store was made from another log"]);
    home.fails(
        &format!("candles --store sqlite:rows.db --symbol OFTAN --resolution 1m --log dir:log --as-of {time}"),
        2,
        &["unknown symbol OFTAN", "did you mean OFTEN"],
    );
    let empty = home.run(&format!("{candles} --log dir:log --as-of 2024-01-01"));
    assert!(empty.stderr.contains("no rows for OFTEN in this range"), "{empty:?}");
}
