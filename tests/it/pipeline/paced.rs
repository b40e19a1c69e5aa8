//! Logs of other producers, with the progress log that `pace` writes beside them.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::shared::process::{Home, wait_for};
use crate::shared::raw_log::{append, log_of};
use crate::shared::tables;

const PACE: &str = "pace --log dir:log --progress dir:progress";
const T0: u64 = 1_700_000_000_000;
const DAY_MS: u64 = 86_400_000;

fn trade(symbol: &str, event_ms: u64) -> String {
    format!(r#"{{"c":null,"p":2,"s":"{symbol}","t":{event_ms},"v":1}}"#)
}

fn trades(symbol: &str, seconds: std::ops::Range<u64>) -> Vec<String> {
    seconds.map(|second| trade(symbol, T0 + second * 1_000)).collect()
}

fn work(home: &Home, store: &str, more: &str) {
    let line = format!("work --log dir:log --progress dir:progress --store sqlite:{store}.db --until-end {more}");
    home.run(&line).is(0, &["0 waiting"]);
    home.ok(&format!("verify --log dir:log --progress dir:progress --store sqlite:{store}.db --workers 3"));
}

fn status(home: &Home, store: &str) -> Value {
    serde_json::from_str(&home.ok(&format!("status --store sqlite:{store}.db --format json"))).unwrap()
}

#[test]
fn idle_partitions_hold_nothing_back() {
    // More than is read ahead; two partitions are empty, one holds a record that is not a trade.
    let junk = vec!["nonsense".to_owned()];
    let home = log_of([&trades("A", 0..7_200), &[], &trades("B", 0..5), &[], &junk]);
    home.run(&format!("{PACE} --until-end")).is(0, &["7206 records read", "progress up to"]);
    for (store, workers) in [("one", 1), ("two", 2), ("seven", 7)] {
        work(&home, store, &format!("--workers {workers}"));
        let status = status(&home, store);
        assert_eq!(
            (&status["counters"]["trades"], &status["counters"]["rejected_bad_json"]),
            (&7_205.into(), &1.into())
        );
    }
    for other in ["two", "seven"] {
        tables::assert_same(&home.path("one.db"), &home.path(&format!("{other}.db")));
    }
}

#[test]
fn one_wrong_clock_bends_nothing() {
    let mut all = trades("A", 0..120);
    all.insert(30, trade("A", T0 + 5 * DAY_MS));
    // The first trade of a partition may be the wrong one.
    let mut second = trades("B", 0..120);
    second.insert(0, trade("B", T0 + 5 * DAY_MS));
    let home = log_of([&all, &second]);
    home.ok(&format!("{PACE} --until-end"));
    work(&home, "paced", "");
    home.ok("work --log dir:log --store sqlite:bounded.db --until-end --max-out-of-orderness 5s");
    home.ok("verify --log dir:log --store sqlite:bounded.db --max-out-of-orderness 5s");
    for store in ["paced", "bounded"] {
        let counters = &status(&home, store)["counters"];
        let counts = ["trades", "late", "rejected_too_far_ahead"].map(|name| counters[name].as_u64().unwrap());
        assert_eq!(counts, [240, 0, 2], "{store}");
    }
}

#[test]
fn a_night_without_trades_is_no_wrong_clock() {
    let next_day = |symbol: &str, seconds: std::ops::Range<u64>| {
        seconds.map(|second| trade(symbol, T0 + DAY_MS + second * 1_000)).collect::<Vec<_>>()
    };
    let a = [trades("A", 0..60), next_day("A", 0..60)].concat();
    let b = [trades("B", 0..60), next_day("B", 5..7)].concat();
    let home = log_of([&a, &b]);
    home.ok(&format!("{PACE} --until-end"));
    work(&home, "paced", "--workers 2");
    // Two alone confirm nothing in their partition; the other partition has arrived at the next day by then.
    let counters = &status(&home, "paced")["counters"];
    assert_eq!((&counters["trades"], &counters["rejected_too_far_ahead"]), (&182.into(), &0.into()), "{counters}");
}

#[test]
fn a_live_log_is_paced_and_replayed() {
    let home = log_of([&[], &[], &[], &[]]);
    let mut pace = home.start(&format!("{PACE} --idle 1s --max-out-of-orderness 1s"));
    wait_for("a progress log", || {
        home.path("progress/partition-00000.jsonl").metadata().ok().filter(|it| it.len() > 0)
    });
    let mut work = home.start("work --log dir:log --progress dir:progress --store sqlite:rows.db --workers 2");
    let mut second = 0;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    wait_for("complete candles", || {
        assert!(work.is_alive() && pace.is_alive(), "{}{}", work.stderr(), pace.stderr());
        for symbol in ["A", "B"] {
            append(&home, usize::from(symbol == "B"), &[trade(symbol, now_ms + second * 1_000)]);
        }
        second += 1;
        let frontier = tables::progress(&home.path("rows.db")).frontier;
        frontier.filter(|frontier| *frontier > now_ms + 20_000)
    });
    // Nothing more comes: what was read becomes complete.
    let last_ms = now_ms + (second - 1) * 1_000;
    wait_for("everything is complete", || {
        tables::progress(&home.path("rows.db")).frontier.filter(|frontier| *frontier > last_ms)
    });
    // A record that is not a trade becomes complete, too.
    append(&home, 3, &["nonsense".to_owned()]);
    wait_for("the rejection is complete", || {
        (status(&home, "rows")["counters"]["rejected_bad_json"] == 1).then_some(())
    });
    pace.terminate();
    pace.end("pace").is(0, &["progress up to"]);
    // It continues where it was; the frontier waits for it. What is past all trades may be past this one already.
    append(&home, 2, &[trade("C", last_ms + 9_000)]);
    home.ok(&format!("{PACE} --until-end"));
    wait_for("what came meanwhile", || (status(&home, "rows")["counters"]["trades"] == 2 * second + 1).then_some(()));
    work.terminate();
    work.end("work").is(0, &[]);
    home.ok("verify --log dir:log --progress dir:progress --store sqlite:rows.db --workers 3");
    let counters = &status(&home, "rows")["counters"];
    assert_eq!((&counters["trades"], &counters["rejected_too_far_ahead"]), (&(2 * second + 1).into(), &0.into()));
}

#[test]
fn what_is_not_bound_yet_is_not_complete() {
    let home = log_of([&trades("A", 0..600), &trades("B", 0..600)]);
    home.ok(&format!("{PACE} --until-end"));
    append(&home, 1, &trades("B", 600..900));
    let line = "work --log dir:log --progress dir:progress --store sqlite:rows.db --until-end";
    home.fails(line, 1, &["300 were not read", "pace --log dir:log"]);
    let verified = home.ok("verify --log dir:log --progress dir:progress --store sqlite:rows.db");
    assert!(verified.contains("300 records of the log lie after it and were not compared"), "{verified}");
    home.ok(&format!("{PACE} --until-end"));
    // It goes on from the checkpoint, and a run over the whole agrees.
    work(&home, "rows", "--workers 2");
    work(&home, "whole", "");
    tables::assert_same(&home.path("rows.db"), &home.path("whole.db"));
    assert_eq!(status(&home, "rows")["counters"]["trades"], 1_500);
}

#[test]
fn a_progress_log_belongs_to_its_log() {
    let home = log_of([&trades("A", 0..60)]);
    let work = |log: &str, progress: &str| {
        format!("work --log dir:{log} --progress dir:{progress} --store sqlite:rows.db --until-end")
    };
    home.fails(&work("log", "progress"), 2, &["progress"]);
    home.fails("pace --log dir:log --progress dir:log", 2, &["is the log itself"]);
    home.ok(&format!("{PACE} --until-end"));
    home.ok(&work("log", "progress"));
    home.ok("setup --log dir:other --partitions 1");
    home.fails(&work("other", "progress"), 3, &["about another log"]);
    home.fails("pace --log dir:other --progress dir:progress --until-end", 3, &["about another log"]);
    home.fails(&work("log", "log"), 3, &["does not name the log"]);
    // The store belongs to both.
    home.ok("pace --log dir:log --progress dir:second --until-end");
    home.fails(&work("log", "second"), 3, &["another log"]);
    let both = format!("{} --max-out-of-orderness 5s", work("log", "progress"));
    home.fails(&both, 2, &["cannot be used with"]);
}

#[test]
fn a_stop_within_a_minute_without_further_changes_keeps_its_row() {
    // It stops 28 s into a minute, in the rest of which nothing happens.
    let home = log_of([&trades("A", 0..88)]);
    home.ok(&format!("{PACE} --until-end"));
    work(&home, "rows", "");
    append(&home, 0, &trades("A", 600..700));
    home.ok(&format!("{PACE} --until-end"));
    // `work` verifies: a run over the whole has the same frontier rows.
    work(&home, "rows", "");
}

fn bindings(home: &Home) -> String {
    std::fs::read_to_string(home.path("progress/partition-00000.jsonl")).unwrap()
}

#[test]
fn pace_started_again_moves_nothing_by_itself() {
    let home = log_of([&trades("A", 0..60), &trades("B", 0..60)]);
    let pace = format!("{PACE} --until-end --max-out-of-orderness 10m");
    home.ok(&pace);
    let first = bindings(&home);
    for _ in 0..3 {
        home.ok(&pace);
        assert_eq!(bindings(&home), first);
    }
    // Another bound completes the same trades, and trades on time are on time, whatever steps the worker takes.
    home.ok(&format!("{PACE} --until-end --max-out-of-orderness 1s"));
    let line = "work --log dir:log --progress dir:progress --store sqlite:rows.db --until-end --step 5s";
    home.run(line).is(0, &["0 waiting"]);
    append(&home, 0, &trades("A", 66..120));
    home.ok(&pace);
    home.run(line).is(0, &["0 waiting"]);
    let counters = &status(&home, "rows")["counters"];
    assert_eq!((&counters["trades"], &counters["late"]), (&174.into(), &0.into()));
}

#[test]
fn a_torn_binding_is_written_again() {
    let home = log_of([&trades("A", 0..60)]);
    home.ok(&format!("{PACE} --until-end"));
    let whole = bindings(&home);
    let torn = &whole[..whole.trim_end().len() - 9];
    std::fs::write(home.path("progress/partition-00000.jsonl"), torn).unwrap();
    home.ok(&format!("{PACE} --until-end"));
    assert!(bindings(&home).contains(torn), "the torn line stays");
    work(&home, "rows", "");
    assert_eq!(status(&home, "rows")["counters"]["trades"], 60);
}

#[test]
fn a_progress_log_that_lost_bindings_is_refused() {
    let home = log_of([&trades("A", 0..60)]);
    home.ok(&format!("{PACE} --until-end"));
    let backup = bindings(&home);
    append(&home, 0, &trades("A", 60..160));
    home.ok(&format!("{PACE} --until-end"));
    work(&home, "rows", "");
    std::fs::write(home.path("progress/partition-00000.jsonl"), backup).unwrap();
    let line = "work --log dir:log --progress dir:progress --store sqlite:rows.db --until-end";
    home.fails(line, 3, &["progress", "shorter than what the store has applied"]);
}
