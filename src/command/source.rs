//! `tickline source`: lists the live sources of a log, and retires a dead one.
//!
//! A source that died without a `bye` record holds back the frontier: nothing after its last progress is known to be
//! complete. Retiring it is an operator's claim that nothing more comes from it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use anyhow::Context;
use clap::{Args as ClapArgs, Subcommand};
use dataflows::ingress::frontier_scan::FrontierScan;
use dataflows::log::control;
use dataflows::progress::positions::Positions;

use super::UsageError;
use super::output::format::print;
use super::output::table;
use super::resume;
use crate::log::address::LogAddress;
use crate::log::{LogError, read_to_end, sync_all};
use crate::store::address::StoreAddress;
use crate::time::rfc3339;

/// Arguments of `tickline source`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Debug, Subcommand)]
enum Verb {
    /// List the live sources at the log's end with their progress; the last one holds back the frontier
    List(ListArgs),
    /// Retire a source that is gone for good: writes its `bye` record to every partition
    Retire(RetireArgs),
}

/// Arguments of `tickline source list`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ListArgs {
    /// The log of trades
    #[arg(long, env = "TICKLINE_LOG", value_name = "LOG")]
    pub log: LogAddress,
    /// The store computed from the log: reading starts at its resume points. Without it, the whole log is read
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: Option<StoreAddress>,
}

/// Arguments of `tickline source retire`.
#[derive(Clone, Debug, ClapArgs)]
pub struct RetireArgs {
    /// Name of the source, as shown by `list`
    pub name: String,
    /// Its log. A directory log must have no other writer now
    #[command(flatten)]
    pub place: ListArgs,
}

/// Progress of one source.
struct SourceProgress {
    partitions: usize,
    least_ms: u64,
}

/// Runs `tickline source`.
pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.verb {
        Verb::List(args) => print(&list(args)?),
        Verb::Retire(args) => retire(args),
    }
}

fn live(args: &ListArgs) -> anyhow::Result<BTreeMap<String, SourceProgress>> {
    let durable = args.store.as_ref().map(|store| store.open_reader()?.frontier()).transpose()?.flatten();
    let positions = match (&durable, &args.store) {
        (Some(durable), Some(store)) => resume::positions(durable, store)?,
        _ => Vec::new(),
    };
    let log = args.log.open()?;
    let mut live: BTreeMap<String, SourceProgress> = BTreeMap::new();
    for partition in 0..log.partitions() {
        let mut scan = FrontierScan::default();
        let mut from = log.first_offset(partition)?;
        // What was read before the published position need not be read again, unless retention has removed it since.
        for read in positions.iter().map(Positions::read).filter(|read| read.partition == partition) {
            from = read.offset.max(from);
            scan = FrontierScan::new(read.frontier.clone());
        }
        read_to_end(&*log, partition, from, |span, record| {
            scan.read(span, record, |_| ());
            Ok::<_, LogError>(())
        })?;
        for (source, progress_ms) in scan.frontier.sources() {
            let known =
                live.entry(source.to_owned()).or_insert(SourceProgress { partitions: 0, least_ms: progress_ms });
            known.partitions += 1;
            known.least_ms = known.least_ms.min(progress_ms);
        }
    }
    Ok(live)
}

fn list(args: &ListArgs) -> anyhow::Result<String> {
    let mut live: Vec<_> = live(args)?.into_iter().collect();
    if live.is_empty() {
        return Ok(format!(
            "{} has no live source: every source has left, or none has reported progress yet\n",
            args.log
        ));
    }
    live.sort_by_key(|(_, progress)| Reverse(progress.least_ms));
    let row = |(source, progress): &(String, SourceProgress)| {
        vec![source.clone(), progress.partitions.to_string(), rfc3339(progress.least_ms)]
    };
    Ok(table::table(&["source", "partitions", "progress_up_to"], &live.iter().map(row).collect::<Vec<_>>()))
}

fn retire(args: &RetireArgs) -> anyhow::Result<()> {
    let live = live(&args.place)?;
    let name = args.place.log.to_string();
    let Some(source) = live.keys().find(|source| **source == args.name) else {
        let known: Vec<_> = live.keys().cloned().collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(UsageError(format!("no live source named {:?} in {name}; live sources: {known}", args.name)).into());
    };
    let mut writer = args.place.log.open_writer()?;
    let bye = control::bye(source);
    for partition in 0..writer.partitions() {
        writer.append(partition, None, &bye)?;
    }
    sync_all(&mut *writer, &name)
        .context("the bye record may have reached only some partitions: retire the source again")?;
    println!("retired {source} in {} partitions of {name}", writer.partitions());
    Ok(())
}
