//! `tickline checkpoint`: lists the checkpoints of a store, and drops one that must not be resumed from.

use clap::{Args as ClapArgs, Subcommand};
use dataflows::settings::PIPELINE_REVISION;

use super::UsageError;
use super::options::moment::Moment;
use super::output::format::{Format, json_array, print};
use super::output::table;
use crate::store::CheckpointInfo;
use crate::store::address::StoreAddress;
use crate::time::rfc3339;
use crate::worker::{NEW_STORE, WorkerError};

/// Arguments of `tickline checkpoint`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Debug, Subcommand)]
enum Verb {
    /// List the checkpoints of a store
    List(ListArgs),
    /// Drop a checkpoint, so that the next start does not resume from it
    Drop(DropArgs),
}

/// Arguments of `tickline checkpoint list`.
#[derive(Clone, Debug, ClapArgs)]
struct ListArgs {
    /// The store to read
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    store: StoreAddress,
    /// Output format
    #[arg(long, value_parser = Format::among(&Format::OF_REPORTS), default_value = "table")]
    format: Format,
}

/// Arguments of `tickline checkpoint drop`.
#[derive(Clone, Debug, ClapArgs)]
struct DropArgs {
    /// Frontier of the checkpoint, as shown by `list`, or in seconds or milliseconds since 1970
    frontier: Moment,
    /// The store. Dropping opens a new epoch: a live worker of this store ends with exit code 4
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    store: StoreAddress,
}

/// Runs `tickline checkpoint`.
pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.verb {
        Verb::List(args) => print(&list(args)?),
        Verb::Drop(args) => drop_checkpoint(args),
    }
}

fn list(args: &ListArgs) -> anyhow::Result<String> {
    let found = args.store.open_reader()?.checkpoints()?;
    if args.format == Format::Json {
        return json_array(found.iter().map(|checkpoint| {
            let object = serde_json::json!({
                "frontier": rfc3339(checkpoint.frontier),
                "frontier_ms": checkpoint.frontier,
                "epoch": checkpoint.epoch,
                "shards": checkpoint.shards,
                "bytes": checkpoint.bytes,
                "is_committed": checkpoint.is_committed,
            });
            serde_json::to_string(&object)
        }));
    }
    if found.is_empty() {
        return Ok(format!("no checkpoints in {}\n", args.store));
    }
    let row = |checkpoint: &CheckpointInfo| {
        vec![
            rfc3339(checkpoint.frontier),
            checkpoint.epoch.to_string(),
            checkpoint.shards.to_string(),
            checkpoint.bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string()),
            if checkpoint.is_committed { "committed" } else { "unfinished" }.to_owned(),
        ]
    };
    let header = ["frontier", "epoch", "shards", "bytes", "state"];
    Ok(table::table(&header, &found.iter().map(row).collect::<Vec<_>>()))
}

fn drop_checkpoint(args: &DropArgs) -> anyhow::Result<()> {
    let (store, frontier) = (&args.store, args.frontier.0);
    // Before an epoch is opened: a typing error must not end a live worker.
    let mut reader = args.store.open_reader()?;
    let committed = reader.checkpoints()?.into_iter().find(|found| found.is_committed);
    if committed.as_ref().is_none_or(|committed| committed.frontier != frontier) {
        let which = committed.map_or_else(|| "none".to_owned(), |committed| rfc3339(committed.frontier));
        let text = format!("no committed checkpoint at {} in {store}; committed: {which}", rfc3339(frontier));
        return Err(UsageError(text).into());
    }
    // The log would be read again in vain: no start of this program goes on with rows of another revision.
    if let Some(identity) = reader.identity()?.filter(|identity| identity.revision != PIPELINE_REVISION) {
        return Err(WorkerError::Revision { store: identity.revision, program: PIPELINE_REVISION }.into());
    }
    let mut writer = args.store.open_writer()?;
    let (epoch, _) = writer.open_epoch()?;
    writer.drop_checkpoint(epoch, frontier)?;
    println!(
        "dropped the checkpoint at {} of {store} as epoch {epoch}; the next start reads the log from its first offset, \
         with the settings and the pipeline revision that the store was made with. For others, use a new store: \
         {NEW_STORE}",
        rfc3339(frontier)
    );
    Ok(())
}
