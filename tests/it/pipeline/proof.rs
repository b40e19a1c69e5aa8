//! A start proves itself: what was read before gives the same digest again, or nothing is written.

use std::fs;

use crate::shared::process::{Home, wait_for};
use crate::shared::tables;

const WORK: &str = "work --log dir:log --store sqlite:rows.db";

/// A log of one partition, and a store that a killed worker has left without a checkpoint.
fn killed() -> Home {
    let home = Home::new();
    home.simulate("trades.jsonl", 60_000, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:log --partitions 1");
    let mut work = home.start(&format!("{WORK} --checkpoint-every 1h --read-ahead 1s"));
    wait_for("a frontier", || {
        assert!(work.is_alive(), "{}", work.stderr());
        // 14:30:30.
        tables::progress(&home.path("rows.db")).frontier.filter(|frontier| *frontier > 1_704_205_830_000)
    });
    work.kill();
    assert_eq!(tables::progress(&home.path("rows.db")).checkpoint, None);
    home
}

fn all_rows(home: &Home) -> Vec<String> {
    let store = tables::open(&home.path("rows.db"));
    tables::ROWS
        .iter()
        .flat_map(|table| tables::rows(&store, &format!("SELECT * FROM {table} ORDER BY 1, 2, 3")))
        .collect()
}

fn partition(home: &Home) -> std::path::PathBuf {
    let files = fs::read_dir(home.path("log")).unwrap().map(|entry| entry.unwrap().path());
    files.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
}

#[test]
fn a_log_that_was_changed_is_noticed_before_anything_is_written() {
    let home = killed();
    let before = all_rows(&home);
    let path = partition(&home);
    let log = fs::read_to_string(&path).unwrap();
    // One digit of the first trade's volume.
    let at = log.find("\"v\":").unwrap() + 4;
    let digit = if &log[at..=at] == "7" { "8" } else { "7" };
    fs::write(&path, format!("{}{digit}{}", &log[..at], &log[at + 1..])).unwrap();
    let words = ["cannot be made from this log again", "Nothing was written", "work into a new store"];
    home.fails(&format!("{WORK} --until-end"), 3, &words);
    home.fails(&format!("{WORK} --until-end --workers 3"), 3, &words);
    assert!(all_rows(&home) == before, "rows were written");
    assert_eq!(tables::progress(&home.path("rows.db")).checkpoint, None, "a checkpoint was made");
    fs::write(&path, log).unwrap();
    home.ok(&format!("{WORK} --until-end"));
    home.ok("verify --log dir:log --store sqlite:rows.db");
}

#[test]
fn a_log_that_was_cut_is_noticed_before_anything_is_written() {
    let home = killed();
    let before = all_rows(&home);
    let path = partition(&home);
    let log = fs::read_to_string(&path).unwrap();
    let end = log[..2_000].rfind('\n').unwrap() + 1;
    fs::write(&path, &log[..end]).unwrap();
    // With and without waiting for more: what was lost does not come back.
    for command in [format!("{WORK} --until-end"), WORK.to_owned()] {
        home.fails(&command, 3, &["partition 0", "it was cut after the rows were written", "Nothing was written"]);
    }
    assert!(all_rows(&home) == before, "rows were written");
}
