//! `tickline import`: trades from JSON Lines files into a log, with exact promises.
//!
//! The files are read twice. The first pass learns the least event time that is still to come at every place of every
//! partition (`plan`); the second copies the lines and writes a progress record whenever that has moved by a time step.
//! So no trade of the files is late, whatever their order; with `--as-live` the promises follow the newest time
//! instead, as those of a live source do, and what comes out of order is late.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use dataflows::progress::partition::SOURCE_BYTES_MAX;

use crate::command::UsageError;
use crate::log::LogError;
use crate::log::address::LogAddress;

mod copy;
mod files;
mod lines;
mod meter;
mod plan;
mod progress;
mod shape;

/// Partitions of a log that is made here, when no number is given.
const PARTITIONS: u32 = 4;

/// Arguments of `tickline import`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// JSON Lines files, plain or gzip, one trade a line in Finnhub's shape; they are taken as one file after the other
    #[arg(value_name = "FILE", required_unless_present = "from_log", conflicts_with = "from_log")]
    pub files: Vec<PathBuf>,
    /// The log to write to, dir:PATH or kafka://HOST:PORT/TOPIC; made when it is not there
    #[arg(long, env = "TICKLINE_LOG", value_name = "LOG")]
    pub log: LogAddress,
    /// Number of partitions of a new log [default: 4, or that of the log copied]
    #[arg(long)]
    pub partitions: Option<u32>,
    /// The source in whose name promises are made
    #[arg(long, default_value = "import")]
    pub source: String,
    /// Promise as a live source would: by the newest time seen, so that what comes out of order is late
    #[arg(long, conflicts_with = "from_log")]
    pub as_live: bool,
    /// Copy another log, record by record, each to the partition of the same number
    #[arg(long, value_name = "LOG")]
    pub from_log: Option<LogAddress>,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if args.source.is_empty() || args.source.len() > SOURCE_BYTES_MAX {
        return Err(UsageError(format!("--source is a name of 1 to {SOURCE_BYTES_MAX} bytes")).into());
    }
    match &args.from_log {
        Some(from) => copy::run(from, &args.log, args.partitions),
        None => files::run(args),
    }
}

/// Whether the log holds a record already.
fn holds_records(log: &LogAddress) -> Result<bool, LogError> {
    let log = log.open()?;
    for partition in 0..log.partitions() {
        if log.end_offset(partition)? > log.first_offset(partition)? {
            return Ok(true);
        }
    }
    Ok(false)
}
