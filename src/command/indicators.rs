//! `tickline indicators`: shows indicators of one symbol from a store, one row per 5-second candle.

use std::fmt::Write;

use clap::Args as ClapArgs;
use dataflows::output::to_f64::INDICATOR_COLUMNS;
use dataflows::progress::time::Resolution;

use crate::command::UsageError;
use crate::command::options::as_of::AsOfArgs;
use crate::command::options::read::ReadArgs;
use crate::command::output::format::{Format, json_array, print};
use crate::command::output::number::exact;
use crate::command::output::table;
use crate::csv_cell;
use crate::store::{StoredIndicators, is_complete};
use crate::time::rfc3339;

/// Arguments of `tickline indicators`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// Rows to read, and their format.
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub as_of: AsOfArgs,
    /// Window length; indicators exist for 5s only
    #[arg(long, default_value = "5s", value_parser = ["5s"])]
    pub resolution: String,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    print(&text(args)?)
}

/// The output of the command.
pub fn text(args: &Args) -> anyhow::Result<String> {
    if args.read.format == Format::Chart {
        return Err(UsageError("indicators have no chart format: use table, csv or json".to_string()).into());
    }
    let mut reader = args.read.store.open_reader()?;
    let then = args.as_of.rows(&args.read, &mut *reader, |as_of, reader, wanted| as_of.indicators(reader, wanted))?;
    let (frontier, rows) = match then {
        Some((as_of, rows)) => (as_of.time, rows),
        None => (reader.complete_up_to()?, reader.indicators(&args.read.symbol, args.read.range())?),
    };
    if rows.is_empty() {
        args.read.check_symbol(&mut *reader)?;
    }
    let complete = |row: &StoredIndicators| is_complete(row.window_start_ms, Resolution::S5, frontier);
    match args.read.format {
        Format::Json => json_array(rows.iter().map(|row| as_json(&args.read.symbol, row, complete(row)))),
        Format::Csv => Ok(as_csv(&args.read.symbol, &rows, complete)),
        Format::Table | Format::Chart | Format::Plain => Ok(as_table(&rows, complete)),
    }
}

fn as_csv(symbol: &str, rows: &[StoredIndicators], complete: impl Fn(&StoredIndicators) -> bool) -> String {
    let symbol = csv_cell::cell(symbol);
    let last = "cumulative_trades,candles,as_of_ms,complete";
    let mut text = format!("symbol,window_start_ms,{},{last}\n", INDICATOR_COLUMNS.join(","));
    for row in rows {
        let values: Vec<String> = row.values.iter().map(f64::to_string).collect();
        let StoredIndicators { window_start_ms, cumulative_trades, candles, as_of, .. } = row;
        let last = format!("{cumulative_trades},{candles},{as_of},{}", complete(row));
        let _ = writeln!(text, "{symbol},{window_start_ms},{},{last}", values.join(","));
    }
    text
}

fn as_table(rows: &[StoredIndicators], complete: impl Fn(&StoredIndicators) -> bool) -> String {
    let header: Vec<&str> =
        ["window_start"].into_iter().chain(INDICATOR_COLUMNS).chain(["candles", "complete"]).collect();
    let cells = |row: &StoredIndicators| {
        let start = std::iter::once(rfc3339(row.window_start_ms));
        start
            .chain(row.values.iter().map(|value| exact(*value)))
            .chain([row.candles.to_string(), complete(row).to_string()])
            .collect()
    };
    table::table(&header, &rows.iter().map(cells).collect::<Vec<_>>())
}

fn as_json(symbol: &str, row: &StoredIndicators, complete: bool) -> serde_json::Result<String> {
    let mut object = serde_json::Map::new();
    object.insert("symbol".to_string(), symbol.into());
    object.insert("window_start_ms".to_string(), row.window_start_ms.into());
    for (name, value) in INDICATOR_COLUMNS.iter().zip(&row.values) {
        object.insert((*name).to_string(), (*value).into());
    }
    for (name, value) in [("cumulative_trades", row.cumulative_trades), ("candles", row.candles), ("as_of", row.as_of)]
    {
        object.insert(name.to_string(), value.into());
    }
    object.insert("complete".to_string(), complete.into());
    serde_json::to_string(&object)
}
