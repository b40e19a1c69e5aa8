//! `tickline calendar list`: the calendars that come with the program.

use clap::Args as ClapArgs;

use crate::calendar::{Calendar, shipped};
use crate::command::output::format::{Format, json_array, print};
use crate::command::output::table;

/// Arguments of `tickline calendar list`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ListArgs {
    /// Output format
    #[arg(long, value_parser = Format::among(&Format::OF_REPORTS), default_value = "table")]
    format: Format,
}

/// Runs the command.
pub fn run(args: &ListArgs) -> anyhow::Result<()> {
    let calendars = shipped::all()?;
    print(&if args.format == Format::Json { as_json(&calendars)? } else { as_table(&calendars) })
}

fn as_json(calendars: &[Calendar]) -> anyhow::Result<String> {
    json_array(calendars.iter().map(|calendar| {
        let object = serde_json::json!({
            "mics": calendar.mics,
            "name": calendar.name,
            "zone": calendar.zone_name,
            "first": calendar.first.to_string(),
            "last": calendar.last.to_string(),
            "version": calendar.version(),
        });
        serde_json::to_string(&object)
    }))
}

fn as_table(calendars: &[Calendar]) -> String {
    let row = |calendar: &Calendar| {
        let years = format!("{} to {}", calendar.first.year(), calendar.last.year());
        vec![calendar.mics.join(" "), calendar.zone_name.clone(), years, calendar.version()]
    };
    let rows: Vec<_> = calendars.iter().map(row).collect();
    let names: Vec<&str> = std::iter::once("name").chain(calendars.iter().map(|c| c.name.as_str())).collect();
    table::table_with_texts(&["markets", "time zone", "years", "version"], &rows, &names)
}
