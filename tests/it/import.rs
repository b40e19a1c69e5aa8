//! `tickline import`, checked by the files it writes: a second implementation of the rules of `docs/definitions.md`,
//! section 3, on plain JSON values.

use std::fs;
use std::path::Path;

use clap::Parser;
use serde_json::Value;
use tickline::command::import;

mod again;
mod copy;
mod formats;
mod look;
mod order;

/// An hour's start, so that minutes are easy to see.
pub const T0: u64 = 1_700_002_800_000;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: import::Args,
}

/// Runs `tickline import` with the words of `line`, in this process. Names are relative to `home`.
fn run(home: &Path, line: &str) -> anyhow::Result<()> {
    let home = home.display().to_string();
    let words = line.split_whitespace().map(|word| word.replace('@', &home));
    let line = Line::try_parse_from(std::iter::once("import".to_owned()).chain(words))?;
    import::run(&line.args)
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
    /// Everything but control records.
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
            Some("import") => {}
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
