//! `tickline rejected list`: rejected records as a table, CSV or JSON.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args as ClapArgs;
use dataflows::output::row::RejectedRow;

use super::Which;
use crate::command::output::format::{Format, print_with};
use crate::command::output::table;
use crate::csv_cell;
use crate::escape::escaped_json;
use crate::process::messages::note;
use crate::rejected::{Original, RejectedObject};
use crate::time::rfc3339;

/// Default limit of a table.
const TABLE_ROWS: usize = 50;
/// Maximum number of characters of a record in a table.
const TABLE_CHARS: usize = 72;

/// Header of the CSV format.
const CSV_HEADER: &str = "partition,offset,index,reason,as_of_ms,original_bytes_total,encoding,original\n";

/// Arguments of `tickline rejected list`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ListArgs {
    /// Filters.
    #[command(flatten)]
    pub which: Which,
    /// Show only the first N [default: all; in a table, 50]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Output format; a table shows only the beginning of each record
    #[arg(long, value_parser = Format::among(&Format::OF_LISTS), default_value = "table")]
    pub format: Format,
}

/// Runs the command.
pub fn run(args: &ListArgs) -> anyhow::Result<()> {
    print_with(|out| write(args, out))
}

/// Writes the output of the command.
pub fn write(args: &ListArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let limit = args.limit.unwrap_or(usize::MAX);
    match args.format {
        Format::Table | Format::Chart | Format::Plain => write_table(args, out),
        Format::Csv => {
            out.write_all(CSV_HEADER.as_bytes())?;
            args.which.each(limit, |row| Ok(out.write_all(csv(row).as_bytes())?))
        }
        Format::Json => {
            let mut before = "[\n";
            args.which.each(limit, |row| {
                write!(out, "{before}{}", escaped_json(&serde_json::to_string(&RejectedObject::of(row))?))?;
                before = ",\n";
                Ok(())
            })?;
            Ok(out.write_all(if before == ",\n" { b"\n]\n" } else { b"[]\n" })?)
        }
    }
}

fn write_table(args: &ListArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let limit = args.limit.unwrap_or(TABLE_ROWS);
    let (mut rows, mut originals) = (Vec::new(), vec!["original".to_string()]);
    // One more than the limit, to detect whether there are more.
    args.which.each(limit.saturating_add(1), |row| {
        rows.push(cells(row));
        originals.push(shown(&row.original));
        Ok(())
    })?;
    if rows.is_empty() {
        note(format_args!("no matching rejected records"));
    } else if rows.len() > limit {
        rows.truncate(limit);
        note(format_args!("only the first {limit} are shown; see --limit and --from-offset"));
    }
    let header = ["reason", "partition", "offset", "index", "as_of", "bytes"];
    let originals: Vec<&str> = originals.iter().map(String::as_str).collect();
    Ok(out.write_all(table::table_with_texts(&header, &rows, &originals).as_bytes())?)
}

fn csv(row: &RejectedRow) -> String {
    let RejectedRow { partition, offset, index, as_of, original_bytes_total, .. } = row;
    let (encoding, original) = match Original::of(row) {
        Original::Text(text) if csv_cell::is_exact(text) => ("utf8", csv_cell::cell(text)),
        Original::Text(text) => ("base64", STANDARD.encode(text)),
        Original::Base64(text) => ("base64", text),
    };
    let reason = row.reason.name();
    format!("{partition},{offset},{index},{reason},{as_of},{original_bytes_total},{encoding},{original}\n")
}

fn cells(row: &RejectedRow) -> Vec<String> {
    vec![
        row.reason.name().to_string(),
        row.partition.to_string(),
        row.offset.to_string(),
        row.index.to_string(),
        rfc3339(row.as_of),
        row.original_bytes_total.to_string(),
    ]
}

/// The beginning of a record.
fn shown(original: &[u8]) -> String {
    // A character has at most four bytes.
    let text = String::from_utf8_lossy(&original[..original.len().min(4 * TABLE_CHARS)]);
    let start: String = text.chars().take(TABLE_CHARS).collect();
    if start.chars().count() == TABLE_CHARS { start + "…" } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_are_short() {
        assert_eq!(shown(b"{\"a\":\xff}"), "{\"a\":\u{fffd}}");
        let long = shown("é".repeat(1_000).as_bytes());
        assert_eq!(long.chars().count(), TABLE_CHARS + 1);
        assert!(long.ends_with("é…"), "{long}");
        assert_eq!(shown(b""), "");
    }
}
