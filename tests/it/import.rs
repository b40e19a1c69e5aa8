//! `tickline import`, checked by the files it writes: a second implementation of the rules of `docs/definitions.md`,
//! section 3, on plain JSON values.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::{any, prop, proptest};
use proptest::{collection, test_runner::Config};
use serde_json::Value;
use tickline::command::import;
use tickline::exit_code;
use tickline::log::address::LogAddress;

const T0: u64 = 1_700_000_000_000;

fn args(files: &[PathBuf], log: &Path) -> import::Args {
    import::Args {
        files: files.to_vec(),
        log: LogAddress::Dir(log.to_path_buf()),
        partitions: Some(3),
        source: "import".to_string(),
        as_live: false,
        from_log: None,
    }
}

fn trade(symbol: usize, ms: u64, n: usize) -> String {
    format!(r#"{{"c":null,"p":{n}.50,"s":"X:S{symbol}","t":{ms},"v":1.0}}"#)
}

fn write(path: &Path, lines: &[String]) {
    fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

fn partition(log: &Path, partition: usize) -> Vec<String> {
    let text = fs::read_to_string(log.join(format!("partition-{partition:05}.jsonl"))).unwrap();
    text.lines().map(String::from).collect()
}

/// Result of the rules for a partition.
#[derive(Debug, Default, PartialEq)]
struct Verdict {
    late: usize,
    contradicted_progress: usize,
    too_far_ahead: usize,
    frontier_ms: u64,
    live: usize,
    lines: Vec<String>,
}

fn judge(lines: &[String]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut progress: Option<u64> = None;
    for line in lines {
        let value: Value = serde_json::from_str(line).unwrap_or_default();
        match value["type"].as_str() {
            Some("progress") => {
                let event_ms = value["event_ms"].as_u64().unwrap();
                assert!(progress.is_none_or(|old| old <= event_ms), "progress goes back");
                progress = Some(event_ms);
                verdict.frontier_ms = verdict.frontier_ms.max(event_ms);
                verdict.live = 1;
            }
            Some("bye") => verdict.live = 0,
            _ => {
                let t = value["t"].as_u64();
                verdict.late += usize::from(t.is_some_and(|t| t / 1000 < verdict.frontier_ms / 1000));
                verdict.contradicted_progress +=
                    usize::from(t.is_some_and(|t| t < progress.expect("progress comes first")));
                verdict.too_far_ahead += usize::from(t.is_some_and(|t| t > verdict.frontier_ms + 3_600_000));
                verdict.lines.push(line.clone());
            }
        }
    }
    verdict
}

fn source_lines(lines: &[String], wanted: impl Fn(&Value) -> bool) -> Vec<&String> {
    lines.iter().filter(|line| serde_json::from_str(line).is_ok_and(|value| wanted(&value))).collect()
}

proptest! {
    #![proptest_config(Config::with_cases(40))]
    #[test]
    fn no_trade_is_late(
        trades in collection::vec((0_usize..12, 0_u64..40_000), 1..200),
        split in any::<prop::sample::Index>(),
        packed in any::<bool>(),
    ) {
        let home = tempfile::tempdir().unwrap();
        let lines: Vec<_> = trades.iter().zip(1..).map(|((s, ms), n)| trade(*s, T0 + ms, n)).collect();
        let files = [home.path().join("a.jsonl"), home.path().join("b.any")];
        let (first, second) = lines.split_at(split.index(lines.len()));
        write(&files[0], first);
        write(&files[1], second);
        if packed {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&fs::read(&files[1]).unwrap()).unwrap();
            fs::write(&files[1], encoder.finish().unwrap()).unwrap();
        }
        let log = home.path().join("log");
        import::run(&args(&files, &log)).unwrap();
        let newest = trades.iter().map(|t| T0 + t.1).max().unwrap();
        let mut all = Vec::new();
        for p in 0..3 {
            let written = partition(&log, p);
            let verdict = judge(&written);
            assert_eq!((verdict.late, verdict.contradicted_progress), (0, 0));
            assert_eq!((verdict.too_far_ahead, verdict.live), (0, 0));
            assert_eq!(verdict.frontier_ms, newest - newest % 1000 + 1000);
            assert!(serde_json::from_str::<Value>(&written[0]).unwrap()["type"] == "progress");
            check_progress_is_exact(&written);
            // Order and bytes equal those of the files.
            let symbol = |line: &String| serde_json::from_str::<Value>(line).unwrap()["s"].clone();
            let symbols: Vec<_> = verdict.lines.iter().map(symbol).collect();
            assert_eq!(verdict.lines.iter().collect::<Vec<_>>(), source_lines(&lines, |v| symbols.contains(&v["s"])));
            all.extend(verdict.lines);
        }
        all.sort();
        let mut wanted = lines.clone();
        wanted.sort();
        assert_eq!(all, wanted);
    }
}

/// Before every trade, the frontier's time step is that of the earliest event time still to come: the best possible.
fn check_progress_is_exact(lines: &[String]) {
    let values: Vec<Value> = lines.iter().map(|l| serde_json::from_str(l).unwrap()).collect();
    let mut progress = 0;
    for (at, value) in values.iter().enumerate() {
        if let Some(ms) = value["event_ms"].as_u64() {
            progress = ms;
        }
        if value["t"].is_u64() {
            let least = values[at..].iter().filter_map(|v| v["t"].as_u64()).min().unwrap();
            assert_eq!(progress / 1000, least / 1000);
        }
    }
}

#[test]
fn other_records_go_to_partition_0() {
    let home = tempfile::tempdir().unwrap();
    let (file, log) = (home.path().join("a"), home.path().join("log"));
    let odd = ["", "{\r", "  null", r#"{"type":"ping"}"#, r#"{"s":"X:S1","p":"a","t":1700000000000,"v":1}"#, "grüße"];
    let mut lines = vec![trade(1, T0, 1)];
    lines.extend(odd.map(String::from));
    lines.push(trade(1, T0 + 5_000, 2));
    write(&file, &lines);
    import::run(&args(&[file], &log)).unwrap();
    let text = fs::read_to_string(log.join("partition-00000.jsonl")).unwrap();
    let kept: Vec<_> =
        text.split('\n').filter(|line| !line.contains("\"import\"") && !line.contains("\"c\":")).collect();
    assert_eq!(kept[..odd.len()], odd);
    let trades: usize = (0..3).map(|p| partition(&log, p).iter().filter(|l| l.contains("\"c\":")).count()).sum();
    assert_eq!(trades, 2);
}

#[test]
fn a_trade_far_ahead_is_ignored_at_the_end() {
    let home = tempfile::tempdir().unwrap();
    let (file, log) = (home.path().join("a"), home.path().join("log"));
    write(&file, &[trade(1, T0, 1), trade(1, T0 + 90_000_000, 2), trade(1, T0 + 2_000, 3)]);
    import::run(&args(&[file], &log)).unwrap();
    for p in 0..3 {
        assert_eq!(judge(&partition(&log, p)).frontier_ms, T0 + 3_000);
    }
}

#[test]
fn as_live_follows_the_newest_time() {
    let home = tempfile::tempdir().unwrap();
    let (file, log) = (home.path().join("a"), home.path().join("log"));
    let times = [0, 1_500, 700, 1_200, 9_000, 3_000];
    write(&file, &times.map(|ms| trade(1, T0 + ms, 1)));
    import::run(&import::Args { as_live: true, ..args(&[file], &log) }).unwrap();
    let verdicts: Vec<_> = (0..3).map(|p| judge(&partition(&log, p))).collect();
    assert!(verdicts.iter().all(|v| v.frontier_ms == T0 + 10_000 && v.live == 0));
    assert_eq!(verdicts.iter().map(|v| v.late).sum::<usize>(), 2, "the trades at 700 and 3000");
}

#[test]
fn a_copied_log_is_the_same_log() {
    let home = tempfile::tempdir().unwrap();
    let (file, log) = (home.path().join("a"), home.path().join("log"));
    write(&file, &(0..500).map(|n| trade(n % 9, T0 + 100 * n as u64, n)).collect::<Vec<_>>());
    import::run(&args(&[file], &log)).unwrap();
    let copy = home.path().join("copy");
    let from = Some(LogAddress::Dir(log.clone()));
    import::run(&import::Args { partitions: None, from_log: from.clone(), ..args(&[], &copy) }).unwrap();
    for p in 0..3 {
        assert_eq!(partition(&copy, p), partition(&log, p));
    }
    let other = home.path().join("other");
    let error = import::run(&import::Args { partitions: Some(5), from_log: from.clone(), ..args(&[], &other) });
    assert_eq!(exit_code::of(&error.unwrap_err()), 2);
    let error = import::run(&import::Args { partitions: None, from_log: from, ..args(&[], &log) });
    assert_eq!(exit_code::of(&error.unwrap_err()), 2);
}

#[test]
fn errors_come_before_any_write() {
    let home = tempfile::tempdir().unwrap();
    let (file, log) = (home.path().join("a"), home.path().join("log"));
    let run = |args: import::Args| exit_code::of(&import::run(&args).unwrap_err());
    assert_eq!(run(args(std::slice::from_ref(&file), &log)), 2, "no file");
    assert!(!log.exists());
    write(&file, &[trade(1, T0, 1), r#"{"type":"bye","source":"x"}"#.to_string()]);
    assert_eq!(run(args(std::slice::from_ref(&file), &log)), 2, "a progress record in the file");
    assert!(partition(&log, 0).is_empty());
    write(&file, &[trade(1, T0, 1)]);
    assert_eq!(run(import::Args { source: String::new(), ..args(std::slice::from_ref(&file), &log) }), 2);
    assert_eq!(run(import::Args { partitions: Some(4), ..args(std::slice::from_ref(&file), &log) }), 2);
    import::run(&args(&[file], &log)).unwrap();
}
