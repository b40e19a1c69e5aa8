//! Progress that a wrong clock, or an older build, wrote far ahead: what the log holds is enough, and nothing has to be
//! repaired.

use serde_json::{Value, json};
use tickline::log::address::LogAddress;
use tickline::time::now_ms;

use crate::shared::broker::{log_address, topic};
use crate::shared::process::Home;
use crate::shared::raw_log::log_of;
use crate::shared::tables;

const DAY_MS: u64 = 86_400_000;

fn trade(t: u64) -> String {
    json!({ "s": "A", "p": t % 7 + 1, "v": 1, "t": t }).to_string()
}

fn progress(source: &str, event_ms: u64) -> String {
    json!({ "type": "progress", "source": source, "event_ms": event_ms }).to_string()
}

/// What one source has written: right trades, and for half a minute a clock that is a day ahead.
fn written(start_ms: u64) -> Vec<String> {
    let second = |second: u64| {
        let t = start_ms + second * 1_000;
        let ahead_ms = if (60..90).contains(&second) { DAY_MS } else { 0 };
        [trade(t), progress("one", t + 1_000 + ahead_ms)]
    };
    let mut lines: Vec<String> = (0..150).flat_map(second).collect();
    // Another source that begins with the wrong clock.
    lines.insert(100, progress("two", start_ms + DAY_MS));
    lines
}

fn is_ahead(line: &str, start_ms: u64) -> bool {
    let line: Value = serde_json::from_str(line).unwrap();
    line["event_ms"].as_u64().is_some_and(|ms| ms >= start_ms + DAY_MS)
}

fn write(log: &str, lines: &[String]) {
    let mut writer = log.parse::<LogAddress>().unwrap().open_writer().unwrap();
    lines.iter().for_each(|line| writer.append(0, None, line.as_bytes()).unwrap());
    writer.sync().unwrap();
}

fn counters(home: &Home, store: &str) -> Value {
    let status: Value = serde_json::from_str(&home.ok(&format!("status --store {store} --format json"))).unwrap();
    status["counters"].clone()
}

/// Works `log`, and compares what it makes with what a log makes that nobody has written ahead.
fn same_as_without_it(log: &str, home: &Home, start_ms: u64) {
    let lines = written(start_ms);
    write(log, &lines);
    let right: Vec<String> = lines.into_iter().filter(|line| !is_ahead(line, start_ms)).collect();
    let clean = log_of([&right]);
    home.ok(&format!("work --log {log} --store sqlite:rows.db --until-end"));
    clean.ok("work --log dir:log --store sqlite:rows.db --until-end");
    for table in tables::ROWS.into_iter().filter(|table| *table != "rejected") {
        let rows = |home: &Home| {
            tables::rows(&tables::open(&home.path("rows.db")), &format!("SELECT * FROM {table} ORDER BY 1, 2, 3"))
        };
        assert!(rows(home) == rows(&clean), "{table} differs");
    }
    let frontier = |home: &Home| tables::progress(&home.path("rows.db")).frontier;
    assert_eq!(frontier(home), frontier(&clean));
    let counters = counters(home, "sqlite:rows.db");
    let of = |name: &str| counters[name].as_u64().unwrap();
    assert_eq!((of("trades"), of("late"), of("rejected_too_far_ahead")), (150, 0, 31), "{counters}");
    let listed = home.ok(&format!("source list --log {log}"));
    assert!(listed.lines().count() == 2 && listed.contains("one"), "{listed}");
}

#[test]
fn progress_written_a_day_ahead_needs_no_repair() {
    let start_ms = (now_ms() - 300_000) / 1_000 * 1_000;
    let home = log_of([&[]]);
    same_as_without_it(&format!("dir:{}", home.path("log").display()), &home, start_ms);
    same_as_without_it(&log_address(&topic(1)), &Home::new(), start_ms);
}

#[test]
fn a_directory_log_that_began_a_day_ahead_is_copied_without_its_progress() {
    let start_ms = 1_700_000_000_000;
    let second = |second: u64| {
        let t = start_ms + second * 1_000;
        [progress("one", t + DAY_MS), trade(t)]
    };
    let mut ahead: Vec<String> = (0..60).flat_map(second).collect();
    ahead.push(progress("one", start_ms + 60_000 + DAY_MS));
    let home = log_of([&ahead]);
    // Nothing contradicts the first progress: the log has no times, and no source was live.
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    assert_eq!(counters(&home, "sqlite:rows.db")["rejected_beyond_allowed_lateness"], 60);
    home.write("none.jsonl", "");
    home.ok("import none.jsonl --from-log dir:log --log dir:copy");
    home.ok("work --log dir:copy --store sqlite:copy.db --until-end");
    let counters = counters(&home, "sqlite:copy.db");
    assert_eq!((&counters["trades"], &counters["late"]), (&60.into(), &0.into()), "{counters}");
    home.ok("verify --rows --log dir:copy --store sqlite:copy.db");
}
