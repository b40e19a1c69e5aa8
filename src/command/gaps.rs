//! `tickline gaps`: gaps in the feed, as its sources report them, each once.

use std::fmt::Write;

use clap::Args as ClapArgs;

use super::output::format::{Format, json_array, print};
use super::output::table;
use crate::command::options::moment::Moment;
use crate::csv_cell;
use crate::process::messages::note;
use crate::store::address::StoreAddress;
use crate::store::{Gap, GapRange};
use crate::time::rfc3339_of;

/// Header of the CSV format. The partitions are separated by spaces.
const CSV_HEADER: &str = "source,from_ms,to_ms,cause,partitions,as_of_ms,complete\n";

/// Arguments of `tickline gaps`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// The store to read: sqlite:PATH or cassandra://HOST:PORT/KEYSPACE
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: StoreAddress,
    /// Show gaps that reach past this time: RFC 3339, or milliseconds since 1970
    #[arg(long, value_name = "TIME")]
    pub from: Option<Moment>,
    /// Show gaps that begin before this time
    #[arg(long, value_name = "TIME")]
    pub to: Option<Moment>,
    /// Show gaps of this source only
    #[arg(long)]
    pub source: Option<String>,
    /// Output format
    #[arg(long, value_parser = Format::among(&Format::OF_LISTS), default_value = "table")]
    pub format: Format,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    print(&text(args)?)
}

/// The output of the command.
pub fn text(args: &Args) -> anyhow::Result<String> {
    let mut reader = args.store.open_reader()?;
    // Before the rows: they are then at least as complete as it says.
    let frontier = reader.frontier()?.map_or(0, |durable| durable.row.frontier);
    let (from_ms, to_ms) = (args.from.map_or(0, |from| from.0), args.to.map_or(u64::MAX, |to| to.0));
    let mut gaps = Gap::merge(reader.gaps(GapRange { from_ms, to_ms })?, frontier);
    if let Some(source) = &args.source {
        gaps.retain(|gap| gap.source == *source);
    }
    if gaps.is_empty() {
        let of = args.source.as_ref().map_or_else(String::new, |source| format!(" of source {source}"));
        note(format_args!("no gaps{of} in this range"));
    }
    match args.format {
        Format::Csv => Ok(as_csv(&gaps)),
        Format::Json => json_array(gaps.iter().map(serde_json::to_string)),
        Format::Table | Format::Chart | Format::Plain => Ok(as_table(&gaps)),
    }
}

fn joined(partitions: &[u32]) -> String {
    partitions.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

fn as_csv(gaps: &[Gap]) -> String {
    let mut text = CSV_HEADER.to_owned();
    for gap in gaps {
        let Gap { source, from_ms, to_ms, cause, partitions, as_of, complete } = gap;
        let (source, cause, partitions) = (csv_cell::cell(source), csv_cell::cell(cause), joined(partitions));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{source},{from_ms},{to_ms},{cause},{partitions},{as_of},{complete}");
    }
    text
}

fn as_table(gaps: &[Gap]) -> String {
    let header = ["from", "to", "complete", "partitions", "source"];
    let cells = |gap: &Gap| {
        let complete = if gap.complete { "yes" } else { "not yet" }.to_owned();
        vec![rfc3339_of(gap.from_ms), rfc3339_of(gap.to_ms), complete, joined(&gap.partitions), gap.source.clone()]
    };
    let texts: Vec<&str> = std::iter::once("cause").chain(gaps.iter().map(|gap| gap.cause.as_str())).collect();
    table::table_with_texts(&header, &gaps.iter().map(cells).collect::<Vec<_>>(), &texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_records_stay_on_their_line() {
        let gap = Gap {
            source: "a,b".to_owned(),
            from_ms: i64::MIN,
            to_ms: 5,
            cause: "x\n\u{1b}[2J\"".to_owned(),
            partitions: vec![0, 11],
            as_of: 7,
            complete: true,
        };
        let table = as_table(std::slice::from_ref(&gap));
        assert_eq!(table.lines().count(), 2, "{table}");
        assert!(table.contains("x\\u{a}\\u{1b}[2J\"") && table.contains("0 11"), "{table}");
        let expected = format!("\"a,b\",{},5,\"x\\u{{a}}\\u{{1b}}[2J\"\"\",0 11,7,true\n", i64::MIN);
        assert_eq!(as_csv(&[gap]).strip_prefix(CSV_HEADER), Some(expected.as_str()));
    }
}
