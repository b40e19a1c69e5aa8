//! `tickline status`: how far everything is complete, what was counted, and how far each partition's log goes on.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::{Args as ClapArgs, ValueEnum};
use dataflows::log::reject::Reason;
use dataflows::output::counters::Counter;
use dataflows::output::frontier_row::FrontierRow;
use serde::Serialize;

use crate::command::output::format::print;
use crate::command::output::table;
use crate::command::resume;
use crate::log::address::LogAddress;
use crate::store::DurableFrontier;
use crate::store::address::StoreAddress;
use crate::time::rfc3339;

/// Arguments of `tickline status`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// The store to ask
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: StoreAddress,
    /// The log that it is made from, to see how far that goes on
    #[arg(long, env = "TICKLINE_LOG", value_name = "LOG")]
    pub log: Option<LogAddress>,
    /// How it is shown
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// How the status is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people
    Table,
    /// One JSON object
    Json,
}

/// The status as JSON shows it.
#[derive(Serialize)]
struct Status {
    store: String,
    log: Option<String>,
    frontier: Option<String>,
    frontier_ms: Option<u64>,
    digest: Option<String>,
    rows: Option<i64>,
    epoch: Option<u64>,
    counters: BTreeMap<String, u64>,
    rejected: Vec<Rejected>,
    gaps: u64,
    partitions: Vec<Partition>,
}

/// How much was refused for one reason, and the command that shows it.
#[derive(Serialize)]
struct Rejected {
    reason: &'static str,
    count: u64,
    look: String,
}

#[derive(Default, Serialize)]
struct Partition {
    partition: u32,
    /// Where a restart reads from.
    resume_offset: Option<u64>,
    /// The partition's frontier there, in event milliseconds.
    frontier_ms: Option<u64>,
    /// Live sources there, each with its promise.
    sources: BTreeMap<String, u64>,
    /// One past the log's last offset.
    end_offset: Option<u64>,
    /// Records from the resume point to the end.
    lag_records: Option<u64>,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    print(&text(args)?)
}

/// What the command prints.
pub fn text(args: &Args) -> anyhow::Result<String> {
    let status = status(args)?;
    match args.format {
        Format::Json => Ok(format!("{}\n", serde_json::to_string_pretty(&status)?)),
        Format::Table => Ok(as_text(&status)),
    }
}

fn status(args: &Args) -> anyhow::Result<Status> {
    let durable = args.store.open_reader()?.frontier()?;
    let row = durable.as_ref().map(|durable| &durable.row);
    let counters = row.map(|row| Counter::all().map(|counter| (counter.name(), row.counter(counter))).collect());
    Ok(Status {
        store: args.store.to_string(),
        log: args.log.as_ref().map(LogAddress::to_string),
        frontier: row.map(|row| rfc3339(row.frontier)),
        frontier_ms: row.map(|row| row.frontier),
        digest: row.map(|row| row.digest.to_string()),
        rows: row.map(|row| row.rows),
        epoch: durable.as_ref().map(|durable| durable.epoch),
        counters: counters.unwrap_or_default(),
        rejected: row.map_or_else(Vec::new, |row| rejected(args, row)),
        gaps: row.map_or(0, |row| row.counter(Counter::Gaps)),
        partitions: partitions(args, durable.as_ref())?,
    })
}

fn rejected(args: &Args, row: &FrontierRow) -> Vec<Rejected> {
    let counts = Reason::ALL.into_iter().map(|reason| (reason.name(), row.counter(Counter::Rejected(reason))));
    let look = |reason| format!("tickline rejected list --store {} --reason {reason}", args.store);
    let told = counts.filter(|(_, count)| *count > 0);
    told.map(|(reason, count)| Rejected { reason, count, look: look(reason) }).collect()
}

fn partitions(args: &Args, durable: Option<&DurableFrontier>) -> anyhow::Result<Vec<Partition>> {
    let mut all: BTreeMap<u32, Partition> = BTreeMap::new();
    for point in resume::points(durable, &args.store.to_string())? {
        let partition = point.partition;
        let (resume_offset, frontier_ms) = (Some(point.offset), point.frontier.frontier_ms());
        let sources = point.frontier.sources().map(|(source, progress_ms)| (source.to_owned(), progress_ms)).collect();
        all.insert(partition, Partition { partition, resume_offset, frontier_ms, sources, ..Partition::default() });
    }
    if let Some(log) = &args.log {
        let log = log.open()?;
        for partition in 0..log.partitions() {
            let end = log.end_offset(partition)?;
            let row = all.entry(partition).or_insert_with(|| Partition { partition, ..Partition::default() });
            row.end_offset = Some(end);
            row.lag_records = Some(end.saturating_sub(row.resume_offset.unwrap_or(0)));
        }
    }
    Ok(all.into_values().collect())
}

fn as_text(status: &Status) -> String {
    let mut text = String::new();
    match (&status.frontier, &status.digest, status.rows, status.epoch) {
        (Some(frontier), Some(digest), Some(rows), Some(epoch)) => {
            let _ = writeln!(text, "complete before  {frontier}\ndigest           {digest}");
            let _ = writeln!(text, "rows             {rows}\nepoch            {epoch}");
            let gaps = if status.gaps == 0 { "none".to_string() } else { status.gaps.to_string() };
            let _ = writeln!(text, "gaps             {gaps}\n");
        }
        _ => {
            let _ = writeln!(text, "nothing is complete yet: {} has no frontier\n", status.store);
        }
    }
    let refused = Reason::ALL.map(|reason| Counter::Rejected(reason).name());
    let counted = status.counters.iter().filter(|(name, count)| **count > 0 && !refused.contains(name));
    let rows: Vec<_> = counted.map(|(name, count)| vec![name.clone(), count.to_string()]).collect();
    if !rows.is_empty() {
        text += &(table::table(&["counted", "number"], &rows) + "\n");
    }
    if !status.rejected.is_empty() {
        let row = |r: &Rejected| vec![r.reason.to_string(), r.count.to_string()];
        let rows: Vec<_> = status.rejected.iter().map(row).collect();
        let looks: Vec<_> = std::iter::once("look").chain(status.rejected.iter().map(|r| r.look.as_str())).collect();
        text += &(table::table_with_texts(&["refused", "number"], &rows, &looks) + "\n");
    }
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_string(), |number| number.to_string());
    let row = |p: &Partition| {
        let frontier = p.frontier_ms.map_or_else(|| "-".to_string(), rfc3339);
        let sources = p.sources.keys().cloned().collect::<Vec<_>>().join(" ");
        let sources = if sources.is_empty() { "-".to_string() } else { sources };
        vec![
            p.partition.to_string(),
            number(p.resume_offset),
            number(p.end_offset),
            number(p.lag_records),
            frontier,
            sources,
        ]
    };
    if !status.partitions.is_empty() {
        let header = ["partition", "resume_offset", "end_offset", "lag_records", "frontier", "live_sources"];
        text += &table::table(&header, &status.partitions.iter().map(row).collect::<Vec<_>>());
    }
    text
}
