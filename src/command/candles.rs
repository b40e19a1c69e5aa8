//! `tickline candles`: shows candles of one symbol from a store.

use std::fmt::Write;

use clap::Args as ClapArgs;
use dataflows::progress::time::Resolution;
use serde::Serialize;

use crate::command::options::as_of::AsOfArgs;
use crate::command::options::read::ReadArgs;
use crate::command::output::format::{Format, json_array, print};
use crate::command::output::number::exact;
use crate::command::output::{chart, table};
use crate::csv_cell;
use crate::store::{StoredCandle, is_complete};
use crate::time::rfc3339;

/// Arguments of `tickline candles`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// Rows to read, and their format.
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub as_of: AsOfArgs,
    /// Window length: 5s, 1m, 5m, 1h, 1d
    #[arg(long, value_parser = resolution)]
    pub resolution: Resolution,
}

/// Header of the CSV format.
const CSV_HEADER: &str = "symbol,window_start_ms,open,high,low,close,volume,notional,vwap,trades,as_of_ms,complete\n";

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    print(&text(args)?)
}

/// The output of the command.
pub fn text(args: &Args) -> anyhow::Result<String> {
    let mut reader = args.read.store.open_reader()?;
    let then = args
        .as_of
        .rows(&args.read, &mut *reader, |as_of, reader, wanted| as_of.candles(reader, args.resolution, wanted))?;
    let (frontier, rows) = match then {
        Some((as_of, rows)) => (as_of.time, rows),
        None => (reader.complete_up_to()?, reader.candles(&args.read.symbol, args.resolution, args.read.range())?),
    };
    if rows.is_empty() {
        args.read.check_symbol(&mut *reader)?;
    }
    let complete = |row: &StoredCandle| is_complete(row.window_start_ms, args.resolution, frontier);
    match args.read.format {
        Format::Table | Format::Plain => Ok(as_table(&rows, complete)),
        Format::Csv => Ok(as_csv(&args.read.symbol, &rows, complete)),
        Format::Json => json_array(rows.iter().map(|row| as_json(args, row, complete(row)))),
        Format::Chart => Ok(chart::chart(&rows, chart::Canvas::of_stdout())),
    }
}

/// Parser of a resolution.
pub fn resolution(text: &str) -> Result<Resolution, String> {
    Resolution::from_name(text).ok_or_else(|| format!("invalid resolution {text:?}: expected 5s, 1m, 5m, 1h or 1d"))
}

fn as_csv(symbol: &str, rows: &[StoredCandle], complete: impl Fn(&StoredCandle) -> bool) -> String {
    let symbol = csv_cell::cell(symbol);
    let mut text = CSV_HEADER.to_string();
    for row in rows {
        let StoredCandle { window_start_ms, open, high, low, close, volume, notional, vwap, trades, as_of } = row;
        let prices = format!("{open},{high},{low},{close},{volume},{notional},{vwap}");
        let _ = writeln!(text, "{symbol},{window_start_ms},{prices},{trades},{as_of},{}", complete(row));
    }
    text
}

fn as_table(rows: &[StoredCandle], complete: impl Fn(&StoredCandle) -> bool) -> String {
    let header =
        ["window_start", "open", "high", "low", "close", "volume", "notional", "vwap", "trades", "as_of", "complete"];
    let cells = |row: &StoredCandle| {
        let numbers = [row.open, row.high, row.low, row.close, row.volume, row.notional, row.vwap];
        let start = std::iter::once(rfc3339(row.window_start_ms));
        start
            .chain(numbers.map(exact))
            .chain([row.trades.to_string(), rfc3339(row.as_of), complete(row).to_string()])
            .collect()
    };
    table::table(&header, &rows.iter().map(cells).collect::<Vec<_>>())
}

#[derive(Serialize)]
struct Object<'a> {
    symbol: &'a str,
    resolution: &'static str,
    #[serde(flatten)]
    row: &'a StoredCandle,
    complete: bool,
}

fn as_json(args: &Args, row: &StoredCandle, complete: bool) -> serde_json::Result<String> {
    serde_json::to_string(&Object { symbol: &args.read.symbol, resolution: args.resolution.name(), row, complete })
}
