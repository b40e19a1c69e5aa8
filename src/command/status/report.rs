//! The status as text for people.

use std::fmt::Write;

use dataflows::log::reject::Reason;
use dataflows::output::counters::Counter;

use super::gather::{HeldBack, Partition, Rejected, Status};
use crate::command::output::table;
use crate::escape::escaped;
use crate::time::{now_ms, rfc3339};

/// Lines and tables, what matters most first.
pub fn text(status: &Status) -> String {
    let mut text = String::new();
    head(&mut text, status);
    let rejected = Reason::ALL.map(|reason| Counter::Rejected(reason).name());
    let counted = status.counters.iter().filter(|(name, count)| **count > 0 && !rejected.contains(name));
    let rows: Vec<_> = counted.map(|(name, count)| vec![name.clone(), count.to_string()]).collect();
    if !rows.is_empty() {
        text += &(table::table(&["counter", "number"], &rows) + "\n");
    }
    if !status.rejected.is_empty() {
        let row = |r: &Rejected| vec![r.reason.to_string(), r.count.to_string()];
        let rows: Vec<_> = status.rejected.iter().map(row).collect();
        let commands: Vec<_> =
            std::iter::once("to list them").chain(status.rejected.iter().map(|r| r.command.as_str())).collect();
        text += &(table::table_with_texts(&["rejected", "number"], &rows, &commands) + "\n");
    }
    if !status.partitions.is_empty() {
        let header = ["partition", "resume", "read", "end", "unread", "waiting", "frontier", "live_sources"];
        text += &table::table(&header, &status.partitions.iter().map(row).collect::<Vec<_>>());
    }
    text
}

fn head(text: &mut String, status: &Status) {
    // Writing to a String cannot fail.
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<16} {}", escaped(value));
    };
    if let Some(state) = &status.state {
        line("state", &state.line(now_ms()));
    }
    if let Some(begins) = &status.begins {
        line("part of the log", &format!("rows from {begins} on"));
    }
    match (&status.frontier, &status.digest, status.rows, status.epoch) {
        (Some(frontier), Some(digest), Some(rows), Some(epoch)) => {
            line("complete up to", frontier);
            line("digest", digest);
            line("rows", &rows.to_string());
            line("epoch", &epoch.to_string());
            line("gaps", &if status.gaps == 0 { "none".to_string() } else { status.gaps.to_string() });
        }
        _ if status.errors.iter().any(|error| error.part == "store") => {}
        _ => line("complete up to", &format!("nothing complete yet: {} has no frontier", status.store)),
    }
    if let Some(unread) = status.unread_records {
        line("unread", &records(unread, true));
    }
    if let Some(waiting) = status.waiting_records {
        let what = records(waiting, status.is_scan_complete);
        line("waiting", &format!("{what} read but not before the frontier"));
    }
    for held in &status.held_back_by {
        line("held back by", &held_back(held, status.is_without_progress));
    }
    for error in &status.errors {
        line(&format!("{}:", error.part), &error.message);
    }
    text.push('\n');
}

fn records(count: u64, is_exact: bool) -> String {
    let at_least = if is_exact { "" } else { "at least " };
    let noun = if count == 1 { "record" } else { "records" };
    format!("{at_least}{count} {noun}")
}

fn held_back(held: &HeldBack, is_without_progress: bool) -> String {
    let noun = if held.partitions.len() == 1 { "partition" } else { "partitions" };
    let list = held.partitions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match (&held.source, &held.progress_up_to) {
        (Some(source), Some(up_to)) => format!("source {source} in {noun} {list}: progress up to {up_to}"),
        (_, Some(up_to)) if is_without_progress => format!("{noun} {list}, at {up_to}"),
        (_, Some(up_to)) => format!("{noun} {list}: every source has left, the last one at {up_to}"),
        (_, None) if is_without_progress => format!("{noun} {list}: nothing was read there yet"),
        (_, None) => format!(
            "{noun} {list}: no source has reported progress yet; a log of other producers needs `tickline pace`"
        ),
    }
}

fn row(p: &Partition) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_string(), |number| number.to_string());
    let sources = p.sources.keys().cloned().collect::<Vec<_>>().join(" ");
    vec![
        p.partition.to_string(),
        number(p.resume_offset),
        number(p.read_offset),
        number(p.end_offset),
        number(p.unread_records),
        number(p.waiting_records),
        p.frontier_ms.map_or_else(|| "-".to_string(), rfc3339),
        if sources.is_empty() { "-".to_string() } else { sources },
    ]
}
