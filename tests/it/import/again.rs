//! An import is done once: what is there is not written again, what was interrupted is completed, and what would be
//! rejected for its time is not begun.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{T0, judge, partition, trade, write};
use crate::shared::process::Home;

const IMPORT: &str = "import a.jsonl b.jsonl --log dir:log --partitions 2";

/// Two files, of 150 minutes.
fn home() -> Home {
    let home = Home::new();
    let line = |n: usize| if n == 50 { "not a trade".to_owned() } else { trade(n % 7, T0 + 30_000 * n as u64, n) };
    write(&home.path("a.jsonl"), &(0..200).rev().map(line).collect::<Vec<_>>());
    write(&home.path("b.jsonl"), &(200..300).map(line).collect::<Vec<_>>());
    home
}

fn log(home: &Home) -> [Vec<String>; 2] {
    [0, 1].map(|p| partition(&home.path("log"), p))
}

/// Keeps the first `lines` of a partition, and `bytes` of the next one.
fn cut(log: &Path, number: usize, lines: usize, bytes: usize) {
    let whole = partition(log, number);
    let mut text: String = whole[..lines].iter().map(|line| format!("{line}\n")).collect();
    text += whole.get(lines).map_or("", |line| &line[..bytes.min(line.len())]);
    fs::write(log.join(format!("partition-{number:05}.jsonl")), text).unwrap();
}

#[test]
fn the_same_content_twice_is_rejected() {
    let home = home();
    home.ok(IMPORT);
    let before = log(&home);
    home.fails(IMPORT, 2, &["already holds this content", "--again"]);
    home.fails("import ./b.jsonl a.jsonl --log dir:log", 2, &["already holds this content"]);
    assert_eq!(log(&home), before);
    home.fails("import a.jsonl --log dir:log", 2, &["a.jsonl", "older than the frontier", "--from-log dir:log"]);
    assert_eq!(log(&home), before);
    home.ok("import a.jsonl b.jsonl --again --log dir:log");
    assert_eq!(log(&home)[0][before[0].len()..], before[0], "once more, from begin to end");
    home.fails(IMPORT, 2, &["already holds this content"]);
}

/// Anywhere, and once more while it goes on.
#[test]
fn an_interrupted_import_goes_on() {
    let home = home();
    home.ok(IMPORT);
    let whole = log(&home);
    let digest = home.ok("replay --log dir:log");
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    for n in 0..40 {
        // What stays of a torn record is a record of its own.
        let mut torn: [Option<usize>; 2] = [None; 2];
        for _ in 0..rng.random_range(1..3) {
            for p in [0, 1] {
                let lines = rng.random_range(torn[p].map_or(0, |at| at + 1)..whole[p].len());
                let bytes = if torn[p].is_none() && n % 2 == 0 { rng.random_range(0..20) } else { 0 };
                cut(&home.path("log"), p, lines, bytes);
                torn[p] = torn[p].or((bytes > 0).then_some(lines));
            }
            home.ok(IMPORT);
        }
        let mut found = log(&home);
        for p in [0, 1] {
            torn[p].map(|at| found[p].remove(at));
        }
        assert_eq!(found, whole, "{torn:?}");
        home.fails(IMPORT, 2, &["already holds this content"]);
        if torn == [None; 2] {
            assert_eq!(home.ok("replay --log dir:log"), digest);
        }
        fs::remove_dir_all(home.path("log")).unwrap();
        home.ok(IMPORT);
    }
}

/// Its progress would say that the trades of the other are complete, and its `bye` that no more come.
#[test]
fn an_unfinished_import_is_finished_first() {
    let home = home();
    home.ok(IMPORT);
    cut(&home.path("log"), 0, 40, 0);
    let before = log(&home);
    write(&home.path("c.jsonl"), &[trade(1, T0 + 30_000 * 400, 400)]);
    let words = ["the source import that has begun and not ended", "source retire import --log dir:log"];
    home.fails("import c.jsonl --log dir:log", 2, &words);
    home.fails("import c.jsonl --log dir:log --source other", 2, &words);
    home.fails("import c.jsonl --from-log dir:log --log dir:new", 2, &words);
    assert_eq!(log(&home), before);
    home.ok(IMPORT);
    home.ok("import c.jsonl --log dir:log");
    // Given up, it hinders nothing any more.
    cut(&home.path("log"), 0, 40, 0);
    cut(&home.path("log"), 1, 40, 0);
    home.ok("source retire import --log dir:log");
    home.ok("import c.jsonl --log dir:log");
}

#[test]
fn foreign_progress_does_not_hinder_resuming() {
    let home = home();
    home.ok(IMPORT);
    let whole = log(&home);
    cut(&home.path("log"), 0, 30, 0);
    let path = home.path("log/partition-00000.jsonl");
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    writeln!(file, r#"{{"type":"progress","source":"other","event_ms":{T0}}}"#).unwrap();
    home.run(IMPORT).is(0, &["had already written"]);
    let mut found = log(&home);
    found[0].remove(30);
    assert_eq!(found, whole);
}

#[test]
fn a_changed_beginning_is_data_loss() {
    let home = home();
    home.ok(IMPORT);
    cut(&home.path("log"), 1, 40, 0);
    home.fails(&format!("{IMPORT} --source other"), 2, &["--source import"]);
    let path = home.path("log/partition-00001.jsonl");
    let at = partition(&home.path("log"), 1).iter().rposition(|line| line.contains(r#""p":"#)).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let (head, tail) = text.rsplit_once(".50,").unwrap();
    fs::write(&path, format!("{head}.51,{tail}")).unwrap();
    let before = log(&home);
    home.fails(IMPORT, 3, &["partition 1", &format!("offset {at}"), "the same files"]);
    assert_eq!(log(&home), before);
}

#[test]
fn a_later_day_is_appended() {
    let home = home();
    home.ok("import a.jsonl --log dir:log --partitions 2");
    home.ok("import b.jsonl --log dir:log");
    for lines in log(&home) {
        let verdict = judge(&lines);
        assert_eq!((verdict.late, verdict.too_far_ahead, verdict.live), (0, 0, 0));
        assert_eq!(lines.iter().filter(|line| line.contains(r#""type":"import""#)).count(), 4);
    }
}

#[test]
fn a_source_left_behind_is_named() {
    let home = home();
    write(&home.path("none.jsonl"), &[]);
    home.run("import none.jsonl --log dir:log --partitions 2").is(0, &["no trades"]);
    let path = home.path("log/partition-00001.jsonl");
    fs::write(&path, format!("{{\"type\":\"progress\",\"source\":\"dead\",\"event_ms\":{T0}}}\n")).unwrap();
    home.fails(IMPORT, 2, &["dead", "source retire dead --log dir:log"]);
    assert_eq!(partition(&home.path("log"), 0).len(), 0);
    home.ok("source retire dead --log dir:log");
    home.ok(IMPORT);
}
