//! `tickline import`: writes trades from files into a log, by event time, with exact progress.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use dataflows::progress::time::MAX_AHEAD_TRADE_MS;

use crate::command::UsageError;
use crate::command::options::source::source_name;
use crate::escape::escaped;
use crate::import::input::Input;
use crate::import::log_state::{check_open, scan};
use crate::import::look::Look;
use crate::import::read::read;
use crate::import::records::Collected;
use crate::import::sorter::MEMORY_BYTES;
use crate::import::write::{Report, WriteOptions, write};
use crate::log::address::LogAddress;
use crate::process::messages::note;

mod copy;
mod format;
mod meter;

pub use format::FormatArgs;
use meter::Meter;

/// Default number of partitions of a new log.
const PARTITIONS: u32 = 4;
/// Number of inputs that are described one by one.
const LOOKS_SHOWN: usize = 20;

/// Arguments of `tickline import`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// Files of trades, in any order, or - for standard input; merged by event time
    #[arg(value_name = "FILE", required_unless_present = "from_log")]
    pub files: Vec<PathBuf>,
    /// The log to write to: dir:PATH or kafka://HOST:PORT/TOPIC; created if it does not exist
    #[arg(long, env = "TICKLINE_LOG", value_name = "LOG")]
    pub log: LogAddress,
    /// Number of partitions of a new log [default: 4, or that of the copied log]
    #[arg(long)]
    pub partitions: Option<u32>,
    /// Name of the source of the progress records
    #[arg(long, default_value = "import", value_parser = source_name)]
    pub source: String,
    /// Format of the files
    #[command(flatten)]
    pub format: FormatArgs,
    /// Show what the files seem to be, and write nothing
    #[arg(long, requires = "files")]
    pub dry_run: bool,
    /// Import although the log already holds the same content
    #[arg(long, requires = "files")]
    pub again: bool,
    /// Keep the order of the files, and report progress as a live source does: up to the newest time seen, so that
    /// trades out of order are late
    #[arg(long, conflicts_with = "from_log")]
    pub as_live: bool,
    /// Copy this log, record by record, each to the same partition; with files, merge its trades with theirs by event
    /// time
    #[arg(long, value_name = "LOG")]
    pub from_log: Option<LogAddress>,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.from_log {
        Some(from) if from == &args.log => Err(UsageError(format!("cannot copy {from} to itself")).into()),
        Some(from) if args.files.is_empty() => copy::run(from, &args.log, args.partitions),
        _ => import(args),
    }
}

fn import(args: &Args) -> anyhow::Result<()> {
    let inputs: Vec<_> = args.files.iter().map(|file| Input::new(file)).collect();
    let bytes = inputs.iter().map(Input::bytes).sum::<Result<u64, _>>()?;
    let mut meter = Meter::new("reading", bytes);
    let old = args.from_log.as_ref().map(LogAddress::open).transpose()?;
    if let Some(old) = &old {
        check_open(&old.name(), &scan(&**old, "")?, "")?;
    }
    let options = args.format.options(args.as_live);
    let collected = read(old.as_deref(), &inputs, &options, MEMORY_BYTES, &|bytes| meter.read(bytes))?;
    meter.end();
    show(&collected.looks, args.dry_run);
    if args.dry_run {
        return Ok(());
    }
    args.log.open_or_create(args.partitions, old.map_or(PARTITIONS, |old| old.partitions()))?;
    let mut writer = args.log.open_writer()?;
    let Some(content) = &collected.content else {
        note(format_args!("no trades: nothing is written to {}", args.log));
        return Ok(());
    };
    meter = Meter::new("writing", content.records);
    let write_options = WriteOptions { log: &args.log, source: &args.source, as_live: args.as_live, again: args.again };
    let report = write(&collected, content, write_options, &mut *writer, &mut || meter.record())?;
    meter.end();
    summary(args, &collected, report, meter.seconds());
    Ok(())
}

/// Prints what the inputs are.
fn show(looks: &[Look], dry_run: bool) {
    for look in looks.iter().take(LOOKS_SHOWN) {
        let look = look.to_string();
        if dry_run {
            println!("{}", escaped(&look));
        } else {
            note(format_args!("{}", escaped(&look)));
        }
    }
    if looks.len() > LOOKS_SHOWN {
        note(format_args!("and {} more files", looks.len() - LOOKS_SHOWN));
    }
    let invalid: u64 = looks.iter().map(|look| look.invalid).sum();
    if invalid == 0 {
        return;
    }
    note(format_args!(
        "{invalid} of the lines and trades are not valid, and will appear in the table `rejected`; the first:"
    ));
    let lines = looks.iter().flat_map(|look| look.invalid_lines.iter().map(move |line| (look, line)));
    for (look, line) in lines.take(3) {
        note(format_args!("  {}", escaped(&format!("{}, line {}: {}: {}", look.name, line.line, line.why, line.text))));
    }
}

fn summary(args: &Args, collected: &Collected, report: Report, seconds: f64) {
    let records: u64 = collected.looks.iter().map(|look| look.records).sum();
    let rate = records as f64 / seconds.max(1e-9);
    note(format_args!("{records} records written to {}, {seconds:.1} s, {rate:.0} per second", args.log));
    if report.found > 0 {
        note(format_args!(
            "an interrupted import had already written {} records; this one has written the rest",
            report.found
        ));
    }
    if report.too_far_ahead > 0 {
        note(format_args!(
            "{} trades are more than {MAX_AHEAD_TRADE_MS} ms ahead of those before them: they will be rejected as \
             too_far_ahead unless --max-ahead-trade is larger; without --as-live they are sorted first",
            report.too_far_ahead
        ));
    }
}
