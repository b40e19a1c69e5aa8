//! `tickline calendar days`: trading days with their sessions in UTC, for other programs and for the comparison with
//! other calendars.

use clap::Args as ClapArgs;
use dataflows::calendar::{Part, Session, TradingDay};
use jiff::civil::Date;

use super::{Which, date, utc};
use crate::calendar::date_of;
use crate::command::UsageError;
use crate::command::output::format::{Format, json_array, print};
use crate::command::output::table;

/// Columns. A day without such a session has an empty cell.
const COLUMNS: [&str; 9] =
    ["date", "pre_open", "pre_close", "open", "break_start", "break_end", "close", "post_open", "post_close"];

/// Arguments of `tickline calendar days`.
#[derive(Clone, Debug, ClapArgs)]
pub struct DaysArgs {
    #[command(flatten)]
    which: Which,
    /// First date [default: the first that the calendar covers]
    #[arg(long, value_name = "DATE", value_parser = date)]
    from: Option<Date>,
    /// Last date, included [default: the last that the calendar covers]
    #[arg(long, value_name = "DATE", value_parser = date)]
    to: Option<Date>,
    /// Output format
    #[arg(long, value_parser = Format::among(&Format::OF_LISTS), default_value = "table")]
    format: Format,
}

/// Runs the command.
pub fn run(args: &DaysArgs) -> anyhow::Result<()> {
    print(&text(args)?)
}

fn text(args: &DaysArgs) -> anyhow::Result<String> {
    let calendar = args.which.open()?;
    let (from, to) = (args.from.unwrap_or(calendar.first), args.to.unwrap_or(calendar.last));
    if from > to {
        return Err(UsageError(format!("--from {from} is after --to {to}")).into());
    }
    let rows = calendar.days(from, to)?.iter().map(cells);
    Ok(match args.format {
        Format::Json => json_array(rows.map(|cells| serde_json::to_string(&object(&cells))))?,
        Format::Csv => {
            let lines = rows.map(|cells| format!("{}\n", cells.join(",")));
            std::iter::once(format!("{}\n", COLUMNS.join(","))).chain(lines).collect()
        }
        _ => table::table(&COLUMNS, &rows.collect::<Vec<_>>()),
    })
}

/// The cells of a day, in the order of [`COLUMNS`].
fn cells(day: &TradingDay) -> Vec<String> {
    let of = |session: Option<&Session>| session.map_or_else(Default::default, utc);
    let [open, close] = [of(day.first(Part::Regular))[0].clone(), of(day.last(Part::Regular))[1].clone()];
    let [pre, pause, post] = [Part::Pre, Part::Break, Part::Post].map(|part| of(day.first(part)));
    let mut cells = vec![date_of(day.day).to_string()];
    cells.extend(pre);
    cells.push(open);
    cells.extend(pause);
    cells.push(close);
    cells.extend(post);
    cells
}

fn object(cells: &[String]) -> serde_json::Map<String, serde_json::Value> {
    let value = |cell: &String| if cell.is_empty() { serde_json::Value::Null } else { cell.clone().into() };
    COLUMNS.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), value(cell))).collect()
}
