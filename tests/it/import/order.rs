//! Files in any order become one sequence by event time, with progress as exact as it can be.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::{any, prop, proptest};
use proptest::{collection, test_runner::Config};
use serde_json::Value;
use tickline::log::partitioner::partition_of;

use super::{T0, judge, partition, run, trade, write};

const PARTITIONS: usize = 3;

proptest! {
    #![proptest_config(Config::with_cases(40))]
    #[test]
    fn any_split_gives_the_same_sequence(
        trades in collection::vec((0_usize..12, 0_u64..40_000), 1..200),
        leaps in collection::vec(any::<prop::sample::Index>(), 0..3),
        files in collection::vec(any::<prop::sample::Index>(), 0..4),
        packed in any::<bool>(),
    ) {
        let home = tempfile::tempdir().unwrap();
        let mut times: Vec<u64> = trades.iter().map(|(_, ms)| T0 + ms).collect();
        // A night, now and then.
        for leap in &leaps {
            let at = leap.index(times.len());
            times[at] += 60_000_000 * (1 + at as u64 % 3);
        }
        let lines: Vec<_> = trades.iter().zip(&times).zip(1..).map(|(((s, _), t), n)| trade(*s, *t, n)).collect();
        let mut cuts: Vec<usize> = files.iter().map(|index| index.index(lines.len())).collect();
        cuts.sort_unstable();
        cuts.push(lines.len());
        let mut from = 0;
        let mut names = Vec::new();
        for (n, cut) in cuts.into_iter().enumerate() {
            let path = home.path().join(format!("{n}.any"));
            write(&path, &lines[from..cut]);
            if packed {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(&fs::read(&path).unwrap()).unwrap();
                fs::write(&path, encoder.finish().unwrap()).unwrap();
            }
            names.push(format!("@/{n}.any"));
            from = cut;
        }
        run(home.path(), &format!("{} --log dir:@/log --partitions {PARTITIONS}", names.join(" "))).unwrap();
        let newest = *times.iter().max().unwrap();
        let mut sorted: Vec<_> = times.iter().zip(&lines).collect();
        sorted.sort_by_key(|(time, _)| **time);
        for p in 0..PARTITIONS {
            let written = partition(&home.path().join("log"), p);
            let verdict = judge(&written);
            assert_eq!((verdict.late, verdict.contradicted_progress), (0, 0));
            assert_eq!((verdict.too_far_ahead, verdict.live), (0, 0));
            assert_eq!(verdict.frontier_ms, newest - newest % 1000 + 1000);
            check_frame_of(&written);
            check_progress_is_exact(&written);
            let belongs = |line: &&String| {
                let symbol = serde_json::from_str::<Value>(line).unwrap()["s"].as_str().unwrap().to_owned();
                partition_of(symbol.as_bytes(), PARTITIONS as u32) == p as u32
            };
            let wanted: Vec<_> = sorted.iter().map(|(_, line)| *line).filter(belongs).collect();
            assert_eq!(verdict.lines.iter().collect::<Vec<_>>(), wanted);
        }
    }
}

fn kinds(lines: &[String]) -> Vec<String> {
    let kind = |line: &String| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap_or("").to_owned();
    lines.iter().map(kind).collect()
}

/// First and last come the import's own records.
fn check_frame_of(lines: &[String]) {
    let kinds = kinds(lines);
    assert_eq!(kinds[..2], ["import", "progress"]);
    assert_eq!(kinds[kinds.len() - 3..], ["progress", "bye", "import"]);
    assert!(lines[0].contains(r#""state":"begin""#) && lines[lines.len() - 1].contains(r#""state":"end""#));
}

/// Before every trade, the frontier's time step is the trade's own: the best possible.
fn check_progress_is_exact(lines: &[String]) {
    let mut progress = 0;
    for line in lines {
        let value: Value = serde_json::from_str(line).unwrap();
        if let Some(ms) = value["event_ms"].as_u64() {
            assert!(ms > progress, "no progress record without need");
            progress = ms;
        }
        if let Some(t) = value["t"].as_u64() {
            assert_eq!(progress / 1000, t / 1000);
        }
    }
}

#[test]
fn every_partition_follows_each_minute() {
    let home = tempfile::tempdir().unwrap();
    let night = 17 * 3_600_000;
    let times = [0, 1_000, 59_999, 60_000, 90_000, 125_000, night];
    write(&home.path().join("a"), &times.map(|ms| trade(1, T0 + ms, 1)));
    run(home.path(), "@/a --log dir:@/log --partitions 2").unwrap();
    let busy = partition_of(b"X:S1", 2) as usize;
    let lines = partition(&home.path().join("log"), 1 - busy);
    let progress: Vec<_> =
        lines.iter().filter_map(|l| serde_json::from_str::<Value>(l).unwrap()["event_ms"].as_u64()).collect();
    assert_eq!(progress, [0, 60_000, 125_000, night, night + 1_000].map(|ms| T0 + ms));
}

#[test]
fn invalid_lines_stay_beside_their_neighbours() {
    let home = tempfile::tempdir().unwrap();
    let odd = ["{", "  null", r#"{"type":"ping"}"#, r#"{"s":"X:S1","p":"a","t":1700000000000,"v":1}"#, "grüße"];
    let mut lines = vec![odd[0].to_owned(), trade(1, T0 + 9_000, 1), odd[1].to_owned(), odd[2].to_owned()];
    lines.extend([String::new(), trade(1, T0, 2), odd[3].to_owned(), trade(1, T0 + 2_000, 3), odd[4].to_owned()]);
    write(&home.path().join("a"), &lines);
    run(home.path(), "@/a --log dir:@/log --partitions 1").unwrap();
    let wanted: Vec<_> = [5, 6, 7, 8, 0, 1, 2, 3].map(|n: usize| lines[n].clone()).into();
    assert_eq!(judge(&partition(&home.path().join("log"), 0)).lines, wanted);
}

#[test]
fn a_frame_over_hours_is_split() {
    let home = tempfile::tempdir().unwrap();
    let frame = |trades: &[String]| format!(r#"{{"type":"trade","data":[{}]}}"#, trades.join(","));
    let wide = [trade(1, T0 + 7_200_000, 1), "7".to_owned(), trade(1, T0, 2)];
    let narrow = frame(&[trade(2, T0 + 500, 3), trade(1, T0 + 400, 4)]);
    write(&home.path().join("a"), &[frame(&wide), narrow.clone()]);
    run(home.path(), "@/a --log dir:@/log --partitions 1").unwrap();
    let verdict = judge(&partition(&home.path().join("log"), 0));
    assert_eq!((verdict.late, verdict.too_far_ahead), (0, 0));
    let [last, seven, first] = wide;
    assert_eq!(verdict.lines, [first, narrow, last, seven]);
}

#[test]
fn as_live_follows_the_newest_time() {
    let home = tempfile::tempdir().unwrap();
    let times = [0, 1_500, 700, 1_200, 9_000, 3_000];
    let lines = times.map(|ms| trade(1, T0 + ms, 1));
    write(&home.path().join("a"), &lines);
    run(home.path(), "@/a --as-live --log dir:@/log --partitions 3").unwrap();
    let verdicts: Vec<_> = (0..3).map(|p| judge(&partition(&home.path().join("log"), p))).collect();
    assert!(verdicts.iter().all(|v| v.frontier_ms == T0 + 10_000 && v.live == 0));
    assert_eq!(verdicts.iter().map(|v| v.late).sum::<usize>(), 2, "the trades at 700 and 3000");
    assert_eq!(verdicts.into_iter().flat_map(|v| v.lines).collect::<Vec<_>>(), lines, "in the order of the file");
}
