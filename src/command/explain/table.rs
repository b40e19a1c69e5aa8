//! An explanation for people, in 100 columns.

use std::fmt::Write;

use dataflows::progress::time::DAY_MS;

use crate::command::output::number::{exact, fitted};
use crate::command::output::table::{table, table_with_texts};
use crate::escape::escaped;
use crate::explain::answer::{Accepted, AcceptedTrade, LeftOut, LeftOutTrade, LogPlace, Scan, Version, Versions};
use crate::explain::{Explanation, Verdict};
use crate::store::StoredCandle;
use crate::time::rfc3339;

/// Columns of a number.
const NUMBER: usize = 11;
/// Columns of the names in the head.
const NAME: usize = 16;
/// Columns of a line.
const COLUMNS: usize = 100;

/// The explanation as text.
pub fn text(explanation: &Explanation) -> String {
    let mut text = head(explanation);
    text += &accepted(&explanation.accepted);
    text += &left_out(&explanation.left_out);
    text += &versions(&explanation.versions);
    text + &rows(explanation)
}

fn head(explanation: &Explanation) -> String {
    let Explanation { symbol, resolution, window_start_ms, window_end_ms, frontier_ms, scan, .. } = explanation;
    let mut text = String::new();
    // Writing to a String cannot fail.
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<NAME$} {}", escaped(value));
    };
    line("candle", &format!("{symbol} {resolution}, {} to {}", rfc3339(*window_start_ms), rfc3339(*window_end_ms)));
    line("state", &state(explanation));
    line("complete up to", &rfc3339(*frontier_ms));
    let from = scan.from_ms.map_or_else(
        || "its beginning".to_owned(),
        |from| format!("the checkpoint of {}; what was left out before it is not listed", rfc3339(from)),
    );
    line("log read from", &from);
    line("log read up to", &format!("{}; what was rejected after it is not listed", rfc3339(scan.to_ms)));
    for offsets in offsets(scan) {
        line("offsets", &offsets);
    }
    if scan.unreadable > 0 {
        let unreadable =
            counted(scan.unreadable, "rejected record or element names", "rejected records or elements name");
        line("unreadable", &format!("{unreadable} no symbol or time: `tickline rejected list`"));
    }
    if scan.undecided > 0 {
        line("undecided", &format!("{} to be confirmed", counted(scan.undecided, "trade waits", "trades wait")));
    }
    text
}

fn state(explanation: &Explanation) -> String {
    match (explanation.complete, explanation.is_final) {
        (false, _) => "not complete: may change".to_owned(),
        (true, false) => {
            format!("complete; late trades may change it until {}", rfc3339(explanation.final_from_ms))
        }
        (true, true) => "complete and final: no trade can change it any more".to_owned(),
    }
}

/// Offsets of the partitions, on as many lines as it takes.
fn offsets(scan: &Scan) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in &scan.partitions {
        let one = format!("{}:{}..{}", part.partition, part.from_offset, part.to_offset);
        match lines.last_mut() {
            Some(line) if NAME + 1 + line.len() + 1 + one.len() <= COLUMNS => *line += &format!(" {one}"),
            _ => lines.push(one),
        }
    }
    lines
}

fn accepted(accepted: &Accepted) -> String {
    let Accepted { total, late, listed } = accepted;
    let total_text = counted(*total, "trade", "trades");
    let mut text = format!("\nmade by {total_text}, {late} late; in the order in which they counted\n");
    if !listed.is_empty() {
        let header = ["#", "event time", "counted at", "place", "price", "volume"];
        let cells: Vec<_> = listed.iter().map(accepted_cells).collect();
        let notes: Vec<String> = listed.iter().map(note).collect();
        text += &with_notes(&header, &cells, &notes);
    }
    text + &not_listed(*total, listed.len())
}

fn accepted_cells(trade: &AcceptedTrade) -> Vec<String> {
    let (price, volume) = (fitted(trade.price, NUMBER), fitted(trade.volume, NUMBER));
    let number = trade.number.to_string();
    vec![number, time_of_day(trade.event_ms), rfc3339(trade.counted_at_ms), place(&trade.place), price, volume]
}

/// What is not usual about a trade.
fn note(trade: &AcceptedTrade) -> String {
    let late = trade.late.then(|| "late".to_owned());
    let sets = (trade.sets.len() < 3).then(|| format!("sets {}", trade.sets.join("+")));
    late.into_iter().chain(sets).chain(conditions(&trade.conditions)).collect::<Vec<_>>().join(", ")
}

fn conditions(codes: &[String]) -> Option<String> {
    (!codes.is_empty()).then(|| format!("c {}", codes.join(" ")))
}

fn left_out(left_out: &LeftOut) -> String {
    let LeftOut { total, by_reason, listed } = left_out;
    if *total == 0 {
        return "\nleft out: no trades\n".to_owned();
    }
    let reasons: Vec<_> = by_reason.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let mut text = format!("\nleft out: {} ({})\n", counted(*total, "trade", "trades"), reasons.join(", "));
    let header = ["place", "event time", "decided at", "price", "volume"];
    let cells: Vec<_> = listed.iter().map(left_out_cells).collect();
    let notes: Vec<String> = listed.iter().map(reason).collect();
    text += &with_notes(&header, &cells, &notes);
    text + &not_listed(*total, listed.len())
}

fn left_out_cells(trade: &LeftOutTrade) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| fitted(value, NUMBER));
    let (price, volume) = (number(trade.price), number(trade.volume));
    vec![place(&trade.place), time_of_day(trade.event_ms), rfc3339(trade.decided_at_ms), price, volume]
}

fn reason(trade: &LeftOutTrade) -> String {
    let reason = trade.reason.to_owned();
    std::iter::once(reason).chain(conditions(&trade.conditions)).collect::<Vec<_>>().join(", ")
}

fn versions(versions: &Versions) -> String {
    let Versions { total, listed } = versions;
    if *total == 0 {
        return String::new();
    }
    let header = ["version", "as of", "open", "high", "low", "close", "volume", "trades", "made by #"];
    let cells: Vec<_> = listed.iter().map(version_cells).collect();
    let table = table(&header, &cells);
    format!("\n{} of the row\n{table}{}", counted(*total, "version", "versions"), not_listed(*total, listed.len()))
}

fn version_cells(version: &Version) -> Vec<String> {
    let Version { version, first_trade, last_trade, row } = version;
    let StoredCandle { open, high, low, close, volume, .. } = *row;
    let by = if first_trade == last_trade { first_trade.to_string() } else { format!("{first_trade}-{last_trade}") };
    let numbers = [open, high, low, close, volume].map(|value| fitted(value, 10));
    let head = [version.to_string(), rfc3339(row.as_of)];
    head.into_iter().chain(numbers).chain([row.trades.to_string(), by]).collect()
}

/// The row that the log leads to, the stored one, and the verdict.
fn rows(explanation: &Explanation) -> String {
    let Explanation { computed, stored, differences, verdict, .. } = explanation;
    let columns = |row: &Option<StoredCandle>| row.as_ref().map(cells);
    let (ours, theirs) = (columns(computed), columns(stored));
    let cell = |of: &Option<Vec<String>>, at: usize| of.as_ref().map_or("-", |cells| &cells[at]).to_owned();
    let mut text = String::new();
    if computed.is_some() || stored.is_some() {
        let names = StoredCandle::COLUMNS;
        let row = |(at, name): (usize, &&str)| vec![(*name).to_owned(), cell(&ours, at), cell(&theirs, at)];
        let rows: Vec<_> = names.iter().enumerate().map(row).collect();
        let mark = |name: &&str| if differences.contains(name) { "DIFFERS" } else { "" }.to_owned();
        let marks: Vec<String> = names.iter().map(mark).collect();
        text += &format!("\n{}", with_notes(&["row", "by the log", "in the store"], &rows, &marks));
    }
    text + &format!("\n{}\n", sentence(*verdict))
}

fn cells(row: &StoredCandle) -> Vec<String> {
    let doubles = [row.open, row.high, row.low, row.close, row.volume, row.notional, row.vwap].map(exact);
    doubles.into_iter().chain([row.trades.to_string(), rfc3339(row.as_of)]).collect()
}

const fn sentence(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Equal => "equal: the stored row is what the log leads to, bit by bit",
        Verdict::Differs => "DIFFERENT: the stored row is not what the log leads to",
        Verdict::Missing => "MISSING: the store does not have the row that the log leads to",
        Verdict::Unexpected => "UNEXPECTED: the store has a row that the log does not lead to",
        Verdict::Expired => "not compared: the store may have removed the row after the table's time to live",
        Verdict::ChangedSince => {
            "not compared: the live pipeline has changed the row since; explain it again in a few seconds"
        }
        Verdict::NoRow => "no row: no trade of the window counts",
    }
}

/// A table with notes, which may be empty.
fn with_notes(header: &[&str], rows: &[Vec<String>], notes: &[String]) -> String {
    let texts: Vec<&str> = std::iter::once("").chain(notes.iter().map(String::as_str)).collect();
    let text = table_with_texts(header, rows, &texts);
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn place(place: &LogPlace) -> String {
    format!("{}:{}:{}", place.partition, place.offset, place.index)
}

/// The time of day (UTC): a window lies in one day.
fn time_of_day(ms: u64) -> String {
    let (ms, seconds) = (ms % 1_000, ms % DAY_MS / 1_000);
    format!("{:02}:{:02}:{:02}.{ms:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn not_listed(total: u64, listed: usize) -> String {
    match total - listed as u64 {
        0 => String::new(),
        more => format!("... and {more} more that are not listed: --limit {total} lists all\n"),
    }
}
