//! The end of a run: it completes what it has read, leaves a checkpoint, and says what is not complete.

use serde_json::Value;

use crate::shared::process::{Home, wait_for};
use crate::shared::raw_log::log_of;
use crate::shared::tables;

const WORK: &str = "work --log dir:log --store sqlite:rows.db";
const T0: u64 = 1_700_000_000_000;

fn trade(symbol: &str, seconds: u64) -> String {
    format!(r#"{{"c":null,"p":2,"s":"{symbol}","t":{},"v":1}}"#, T0 + seconds * 1_000)
}

fn read(stderr: &str) -> u64 {
    let (before, _) = stderr.rsplit_once(" records read").unwrap_or_else(|| panic!("{stderr}"));
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

fn counter(home: &Home, name: &str) -> u64 {
    let status: Value = serde_json::from_str(&home.ok("status --store sqlite:rows.db --format json")).unwrap();
    status["counters"][name].as_u64().unwrap_or(0)
}

#[test]
fn finished_run_is_not_read_again() {
    for workers in [1, 3] {
        let home = Home::new();
        home.simulate("trades.jsonl", 20_000, "2024-01-02T14:30:00Z");
        home.ok("import trades.jsonl --log dir:log --partitions 3");
        let first = home.run(&format!("{WORK} --until-end --workers {workers}"));
        first.is(0, &["0 waiting"]);
        assert!(read(&first.stderr) > 20_000, "{first:?}");
        let again = home.run(&format!("{WORK} --until-end --workers 2"));
        again.is(0, &["0 waiting"]);
        assert_eq!(read(&again.stderr), 0, "{again:?}");
        home.ok("verify --log dir:log --store sqlite:rows.db");
    }
}

#[test]
fn terminated_worker_leaves_a_checkpoint() {
    let home = Home::new();
    home.simulate("trades.jsonl", 200_000, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:log --partitions 3");
    // No checkpoint is due before the end, and nothing is read far ahead.
    let mut work = home.start(&format!("{WORK} --checkpoint-every 1h --read-ahead 1s --workers 2"));
    wait_for("a frontier", || {
        assert!(work.is_alive(), "{}", work.stderr());
        tables::progress(&home.path("rows.db")).frontier
    });
    work.terminate();
    let ended = work.end("a terminated worker");
    ended.is(0, &["stopping after a last checkpoint"]);
    let progress = tables::progress(&home.path("rows.db"));
    assert_eq!(progress.checkpoint.map(|(_, frontier)| frontier), progress.frontier, "{ended:?}");
    let stopped_at = read(&ended.stderr);
    let rest = home.run(&format!("{WORK} --until-end"));
    rest.is(0, &["0 waiting"]);
    // What lay ahead of the frontier is read again, and no more: a mark is set every 4096 records of a partition.
    let again = read(&rest.stderr);
    assert!(stopped_at > 0 && stopped_at + again < 200_000 + 3 * 8_192, "{stopped_at} and then {again}");
    home.ok("verify --log dir:log --store sqlite:rows.db");
}

#[test]
fn partitions_without_records_hold_nothing_back() {
    let trades = |symbol: &str, seconds: u64| (0..seconds).map(|at| trade(symbol, at)).collect::<Vec<_>>();
    // One is empty, one ends early, one is two hours long: far more than is read ahead.
    let home = log_of([&trades("A", 7_200), &[], &trades("B", 5)]);
    for (workers, store) in [(1, "one"), (2, "two"), (3, "three")] {
        let line = format!(
            "work --log dir:log --store sqlite:{store}.db --until-end --max-out-of-orderness 5s --workers {workers}"
        );
        home.run(&line).is(0, &["7205 records read", "0 waiting"]);
        home.ok(&format!("verify --log dir:log --store sqlite:{store}.db --max-out-of-orderness 5s --workers 2"));
    }
    let digest = |store: &str| home.ok(&format!("status --store sqlite:{store}.db --format json"));
    let digests = ["one", "two", "three"]
        .map(|store| serde_json::from_str::<Value>(&digest(store)).unwrap()["digest"].as_str().unwrap().to_owned());
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
}

#[test]
fn log_without_progress_is_not_called_complete() {
    let trades = (0..7_200).map(|at| trade("A", at)).collect::<Vec<_>>();
    let home = log_of([&trades, &[], &[]]);
    let words = ["nothing complete yet", "7200 records were read and are not complete", "partition 0, 1, 2"];
    home.fails(&format!("{WORK} --until-end"), 1, &words);
    home.fails(&format!("{WORK} --until-end"), 1, &["--max-out-of-orderness"]);
}

#[test]
fn partition_that_stalls_ends_the_run() {
    let progress = |seconds: u64| format!(r#"{{"type":"progress","source":"a","event_ms":{}}}"#, T0 + seconds * 1_000);
    // More than is read at once, far beyond what is read ahead; the last partition has nothing after the first second.
    let far = (0..60_000).flat_map(|at| [progress(at), trade("A", at)]).collect::<Vec<_>>();
    let home = log_of([&far, &[progress(60_000)], &[progress(1), trade("B", 1)]]);
    let ended = home.run(&format!("{WORK} --until-end --read-ahead 10m --workers 2"));
    ended.is(1, &["records were read and are not complete", "were not read", "partition 2"]);
    assert!(!ended.stderr.contains("and 0 were not read"), "{ended:?}");
}

#[test]
fn rejected_records_are_complete_when_sources_leave() {
    let bye = r#"{"type":"bye","source":"a"}"#.to_owned();
    let progress = format!(r#"{{"type":"progress","source":"a","event_ms":{T0}}}"#);
    // The last records are a bad one and a trade ahead of the last progress.
    let part = [progress, trade("A", 0), "nonsense".to_owned(), trade("A", 30), bye];
    let home = log_of([&part, &part, &part]);
    home.run(&format!("{WORK} --until-end")).is(0, &["0 waiting"]);
    assert_eq!((counter(&home, "trades"), counter(&home, "byes")), (6, 3));
    let rejected = home.ok("rejected list --store sqlite:rows.db --format json");
    assert_eq!(rejected.matches("bad_json").count(), 3, "{rejected}");
}
