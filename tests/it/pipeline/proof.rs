//! A start proves itself: what was read before gives the same digest again, or nothing is written.

use std::fs;

use crate::shared::process::{Home, wait_for};
use crate::shared::raw_log::{append, log_of};
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

/// A trade per second, each followed by the progress that completes it.
fn seconds(symbol: &str, source: &str, seconds: std::ops::Range<u64>) -> Vec<String> {
    let second = |second: u64| {
        let t = 1_700_000_000_000 + second * 1_000;
        let trade = format!(r#"{{"s":"{symbol}","p":1.5,"v":1,"t":{t}}}"#);
        [trade, format!(r#"{{"type":"progress","source":"{source}","event_ms":{}}}"#, t + 1_000)]
    };
    seconds.flat_map(second).collect()
}

#[test]
fn a_log_that_grew_again_before_the_resume_point_is_noticed_before_anything_is_written() {
    let old = seconds("OLD", "one", 0..300);
    let home = log_of([&old, &old]);
    home.ok(&format!("{WORK} --until-end"));
    let progress = tables::progress(&home.path("rows.db"));
    assert_eq!(progress.checkpoint.map(|(_, frontier)| frontier), progress.frontier, "nothing is read again");
    let before = all_rows(&home);
    let path = home.path("log/partition-00001.jsonl");
    let whole = fs::read(&path).unwrap();
    // Cut in the middle; what is written there instead has the same length.
    let other = [&old[..300], &seconds("NEW", "two", 150..300)].concat().join("\n") + "\n";
    assert_eq!(other.len(), whole.len());
    fs::write(&path, other).unwrap();
    (0..2).for_each(|partition| append(&home, partition, &seconds("OLD", "one", 300..400)));
    for more in [" --until-end", " --until-end --workers 3", ""] {
        let words = ["partition 1", "the record at offset 599 is not the one that was read there", "a new store"];
        home.fails(&format!("{WORK}{more}"), 3, &words);
        assert!(all_rows(&home) == before, "rows were written");
        assert_eq!(tables::progress(&home.path("rows.db")).frontier, progress.frontier);
    }
    fs::write(&path, whole).unwrap();
    append(&home, 1, &seconds("OLD", "one", 300..400));
    home.ok(&format!("{WORK} --until-end"));
    home.ok("verify --rows --log dir:log --store sqlite:rows.db");
    assert!(tables::progress(&home.path("rows.db")).frontier > progress.frontier);
}
