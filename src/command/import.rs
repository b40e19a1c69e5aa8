//! `tickline import`: writes trades from JSON Lines files into a log, with exact progress.
//!
//! The files are read twice. The first pass computes the earliest event time that is still to come at each position of
//! each partition (`plan`); the second copies the lines, and writes a progress record whenever that time has moved by a
//! time step. So no trade of the files is late, whatever their order. With `--as-live` progress follows the newest time
//! instead, as that of a live source does, and trades out of order are late.

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

/// Default number of partitions of a new log.
const PARTITIONS: u32 = 4;

/// Arguments of `tickline import`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// JSON Lines files, plain or gzip, one trade per line in Finnhub's format; they are imported one after the other
    #[arg(value_name = "FILE", required_unless_present = "from_log", conflicts_with = "from_log")]
    pub files: Vec<PathBuf>,
    /// The log to write to: dir:PATH or kafka://HOST:PORT/TOPIC; created if it does not exist
    #[arg(long, env = "TICKLINE_LOG", value_name = "LOG")]
    pub log: LogAddress,
    /// Number of partitions of a new log [default: 4, or that of the copied log]
    #[arg(long)]
    pub partitions: Option<u32>,
    /// Name of the source of the progress records
    #[arg(long, default_value = "import")]
    pub source: String,
    /// Report progress as a live source does: up to the newest time seen, so that trades out of order are late
    #[arg(long, conflicts_with = "from_log")]
    pub as_live: bool,
    /// Copy this log instead of files, record by record, each to the same partition
    #[arg(long, value_name = "LOG")]
    pub from_log: Option<LogAddress>,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if args.source.is_empty() || args.source.len() > SOURCE_BYTES_MAX {
        return Err(UsageError(format!("invalid --source: expected a name of 1 to {SOURCE_BYTES_MAX} bytes")).into());
    }
    match &args.from_log {
        Some(from) => copy::run(from, &args.log, args.partitions),
        None => files::run(args),
    }
}

/// Whether the log has any records.
fn has_records(log: &LogAddress) -> Result<bool, LogError> {
    let log = log.open()?;
    for partition in 0..log.partitions() {
        if log.end_offset(partition)? > log.first_offset(partition)? {
            return Ok(true);
        }
    }
    Ok(false)
}
