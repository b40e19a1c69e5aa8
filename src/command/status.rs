//! `tickline status`: how far everything is complete, what is unread or waiting, and what holds the frontier back.

use clap::Args as ClapArgs;

use crate::command::output::format::{Format, print};
use crate::escape::escaped_json;
use crate::log::address::LogAddress;
use crate::store::address::StoreAddress;

mod gather;
mod log_scan;
mod report;

/// Arguments of `tickline status`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// The store to read
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: StoreAddress,
    /// The log that the store is computed from: shows unread and waiting records, and who holds the frontier back
    #[arg(long, env = "TICKLINE_LOG", value_name = "LOG")]
    pub log: Option<LogAddress>,
    /// Output format
    #[arg(long, value_parser = Format::among(&Format::OF_REPORTS), default_value = "table")]
    pub format: Format,
}

/// Runs the command. When a part cannot be read, the rest is printed before the error.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let (text, failure) = text(args)?;
    print(&text)?;
    failure.map_or(Ok(()), Err)
}

/// The command's output, and the error that it then ends with.
pub fn text(args: &Args) -> anyhow::Result<(String, Option<anyhow::Error>)> {
    let (status, failure) = gather::status(&args.store, args.log.as_ref());
    let text = match args.format {
        Format::Json => format!("{}\n", escaped_json(&serde_json::to_string_pretty(&status)?)),
        _ => report::text(&status),
    };
    Ok((text, failure))
}
