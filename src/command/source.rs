//! `tickline source`: who promises in a log, and the good-bye of one that cannot say it any more.
//!
//! A source that died holds the frontier: what it has not promised cannot be known to be complete. To retire it is an
//! operator's claim that nothing more comes from it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use anyhow::Context;
use clap::{Args as ClapArgs, Subcommand};
use dataflows::log::decode::{Control, RawTrade, Visitor, decode};
use dataflows::log::reject::Reason;
use dataflows::progress::partition::PartitionFrontier;

use super::UsageError;
use super::output::format::print;
use super::output::table;
use super::resume;
use crate::ingest::router;
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
    /// The live sources at the log's end, and how far each has promised; the last one holds the frontier
    List(ListArgs),
    /// Say good-bye in the name of a source that is gone for good
    Retire(RetireArgs),
}

/// Arguments of `tickline source list`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ListArgs {
    /// The log
    #[arg(long, env = "TICKLINE_LOG", value_name = "LOG")]
    pub log: LogAddress,
    /// The store that is made from it: only what is behind its resume points is read. Without it, the whole log
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: Option<StoreAddress>,
}

/// Arguments of `tickline source retire`.
#[derive(Clone, Debug, ClapArgs)]
pub struct RetireArgs {
    /// The source, as `list` names it
    pub name: String,
    /// Where it is. A directory must have no other writer now
    #[command(flatten)]
    pub place: ListArgs,
}

/// What a source has promised.
struct ProgressRecords {
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

/// Reads control records only.
struct Controls(PartitionFrontier);

impl Visitor for Controls {
    fn trade(&mut self, _: u32, _: &RawTrade<'_>) {}

    fn reject(&mut self, _: u32, _: Reason) {}

    fn control(&mut self, control: Control<'_>) {
        match control {
            // A source too many is refused by the dataflow too.
            Control::Progress { source, event_ms } => drop(self.0.progress(source, event_ms)),
            Control::Bye { source } => self.0.bye(source),
            Control::Gap => {}
        }
    }
}

fn live(args: &ListArgs) -> anyhow::Result<BTreeMap<String, ProgressRecords>> {
    let points = match &args.store {
        Some(store) => resume::points(store.open_reader()?.frontier()?.as_ref(), &store.to_string())?,
        None => Vec::new(),
    };
    let log = args.log.open()?;
    let mut live: BTreeMap<String, ProgressRecords> = BTreeMap::new();
    for partition in 0..log.partitions() {
        let mut controls = Controls(PartitionFrontier::default());
        let mut from = log.first_offset(partition)?;
        for point in points.iter().filter(|point| point.partition == partition) {
            from = point.offset;
            for (source, progress_ms) in &point.sources {
                let _ = controls.0.progress(source, *progress_ms);
            }
        }
        read_to_end(&*log, partition, from, |span, record| {
            decode(record, span.total_len, &mut controls);
            Ok::<_, LogError>(())
        })?;
        for (source, progress_ms) in controls.0.sources() {
            let known =
                live.entry(source.to_owned()).or_insert(ProgressRecords { partitions: 0, least_ms: progress_ms });
            known.partitions += 1;
            known.least_ms = known.least_ms.min(progress_ms);
        }
    }
    Ok(live)
}

fn list(args: &ListArgs) -> anyhow::Result<String> {
    let mut live: Vec<_> = live(args)?.into_iter().collect();
    if live.is_empty() {
        return Ok(format!("{} has no live source: all have said good-bye, or none has promised yet\n", args.log));
    }
    live.sort_by_key(|(_, progress)| Reverse(progress.least_ms));
    let row = |(source, progress): &(String, ProgressRecords)| {
        vec![source.clone(), progress.partitions.to_string(), rfc3339(progress.least_ms)]
    };
    Ok(table::table(&["source", "partitions", "progress_up_to"], &live.iter().map(row).collect::<Vec<_>>()))
}

fn retire(args: &RetireArgs) -> anyhow::Result<()> {
    let live = live(&args.place)?;
    let name = args.place.log.to_string();
    if !live.contains_key(&args.name) {
        let known = live.into_keys().collect::<Vec<_>>().join(", ");
        return Err(UsageError(format!("{:?} is no live source of {name}; there are: {known}", args.name)).into());
    }
    let mut writer = args.place.log.open_writer()?;
    let bye = router::bye(&args.name);
    for partition in 0..writer.partitions() {
        writer.append(partition, None, &bye)?;
    }
    sync_all(&mut *writer, &name).context("the good-bye may be in some partitions only: retire it again")?;
    println!("{} is retired in {} partitions of {name}", args.name, writer.partitions());
    Ok(())
}
