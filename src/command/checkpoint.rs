//! `tickline checkpoint`: lists the checkpoints of a store, and drops one that must not be resumed from.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args as ClapArgs, Subcommand};
use dataflows::progress::time::Time;
use dataflows::settings::PIPELINE_REVISION;
use dataflows::state::codec;
use dataflows::state::manifest::SegmentKey;
use dataflows::state::snapshot::SnapshotHeader;

use super::UsageError;
use super::options::moment::Moment;
use super::output::format::{Format, json_array, print};
use super::output::table;
use crate::store::StoreReader;
use crate::store::address::StoreAddress;
use crate::store::anchor::Anchor;
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

/// A checkpoint of a store.
struct Info {
    frontier: Time,
    epoch: u64,
    /// What it is made of; `None` where its header was written by another version.
    segments: Option<Vec<SegmentKey>>,
    bytes: Option<u64>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The next start resumes from it.
    Committed,
    /// It is kept, to begin a replay or a proof from.
    Kept,
    /// It is not complete, or an older epoch has left it.
    Unfinished,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Kept => "kept",
            Self::Unfinished => "unfinished",
        }
    }
}

impl Info {
    fn new(key: (Time, u64), segments: Option<Vec<SegmentKey>>, stored: &Stored, state: State) -> Self {
        let size = |key: &SegmentKey| stored.get(key).copied().flatten();
        let bytes = segments.as_ref().and_then(|segments| segments.iter().map(size).sum());
        Self { frontier: key.0, epoch: key.1, segments, bytes, state }
    }

    fn shards(&self) -> Option<usize> {
        let segments = self.segments.as_ref()?;
        Some(segments.iter().map(|key| key.shard).collect::<BTreeSet<_>>().len())
    }
}

/// Sizes in bytes of the segments of a store.
type Stored = BTreeMap<SegmentKey, Option<u64>>;

/// The checkpoints of a store, ascending by frontier and epoch. They share segments, so their sizes do not add up.
fn checkpoints(reader: &mut dyn StoreReader) -> anyhow::Result<Vec<Info>> {
    let committed = reader.checkpoint()?;
    let stored: Stored = reader.segments()?.into_iter().collect();
    let (mut all, mut needed) = (Vec::new(), BTreeSet::new());
    let mut is_known = true;
    if let Some((epoch, checkpoint)) = committed {
        let header: Option<SnapshotHeader> = codec::decode(&checkpoint.header).ok();
        let of = |header: &SnapshotHeader| header.manifest.segments().into_iter().collect::<Vec<_>>();
        for key in header.iter().flat_map(|header| &header.anchors) {
            let kept = Anchor::kept(key, reader.read_segments(&[*key]))?.map(|kept| kept.header);
            needed.insert(*key);
            needed.extend(kept.iter().flat_map(of));
            all.push(Info::new((key.frontier, key.epoch), kept.as_ref().map(of), &stored, State::Kept));
        }
        needed.extend(header.iter().flat_map(of));
        is_known = header.is_some();
        all.push(Info::new((checkpoint.frontier, epoch), header.as_ref().map(of), &stored, State::Committed));
    }
    let mut unfinished: BTreeMap<(Time, u64), Vec<SegmentKey>> = BTreeMap::new();
    // A header that cannot be read says nothing of them.
    for key in stored.keys().filter(|key| is_known && !needed.contains(key)) {
        unfinished.entry((key.frontier, key.epoch)).or_default().push(*key);
    }
    all.extend(unfinished.into_iter().map(|(key, of)| Info::new(key, Some(of), &stored, State::Unfinished)));
    all.sort_by_key(|info| (info.frontier, info.epoch));
    Ok(all)
}

fn list(args: &ListArgs) -> anyhow::Result<String> {
    let found = checkpoints(&mut *args.store.open_reader()?)?;
    if args.format == Format::Json {
        return json_array(found.iter().map(|checkpoint| {
            let object = serde_json::json!({
                "frontier": rfc3339(checkpoint.frontier),
                "frontier_ms": checkpoint.frontier,
                "epoch": checkpoint.epoch,
                "shards": checkpoint.shards(),
                "segments": checkpoint.segments.as_ref().map(Vec::len),
                "bytes": checkpoint.bytes,
                "is_committed": checkpoint.state == State::Committed,
                "state": checkpoint.state.name(),
            });
            serde_json::to_string(&object)
        }));
    }
    if found.is_empty() {
        return Ok(format!("no checkpoints in {}\n", args.store));
    }
    let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let row = |checkpoint: &Info| {
        vec![
            rfc3339(checkpoint.frontier),
            checkpoint.epoch.to_string(),
            number(checkpoint.shards().map(|shards| shards as u64)),
            number(checkpoint.segments.as_ref().map(|segments| segments.len() as u64)),
            number(checkpoint.bytes),
            checkpoint.state.name().to_owned(),
        ]
    };
    let header = ["frontier", "epoch", "shards", "segments", "bytes", "state"];
    Ok(table::table(&header, &found.iter().map(row).collect::<Vec<_>>()))
}

fn drop_checkpoint(args: &DropArgs) -> anyhow::Result<()> {
    let (store, frontier) = (&args.store, args.frontier.0);
    // Before an epoch is opened: a typing error must not end a live worker.
    let mut reader = args.store.open_reader()?;
    let committed = reader.checkpoint()?.map(|(_, committed)| committed);
    if let Some(other) = committed.as_ref().filter(|committed| committed.frontier != frontier)
        && let Ok(header) = codec::decode::<SnapshotHeader>(&other.header)
        && header.anchors.iter().any(|key| key.frontier == frontier)
    {
        return drop_kept(args);
    }
    if committed.as_ref().is_none_or(|committed| committed.frontier != frontier) {
        let which = committed.map_or_else(|| "none".to_owned(), |committed| rfc3339(committed.frontier));
        let text = format!("no checkpoint at {} in {store}; committed: {which}", rfc3339(frontier));
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
        "dropped the checkpoint at {} of {store}, and all that were kept, as epoch {epoch}; the next start reads the \
         log from its first offset, with the settings and the pipeline revision that the store was made with. For \
         others, use a new store: {NEW_STORE}",
        rfc3339(frontier)
    );
    Ok(())
}

/// Drops a checkpoint that is kept: the committed one no longer names it.
fn drop_kept(args: &DropArgs) -> anyhow::Result<()> {
    let (store, frontier) = (&args.store, args.frontier.0);
    let mut writer = store.open_writer()?;
    let (epoch, Some(mut committed)) = writer.open_epoch()? else {
        return Err(UsageError(format!("{store} has no committed checkpoint any more")).into());
    };
    let mut header: SnapshotHeader = codec::decode(&committed.header)?;
    header.anchors.retain(|key| key.frontier != frontier);
    let mut needed = header.manifest.segments();
    for key in &header.anchors {
        needed.insert(*key);
        let kept = Anchor::kept(key, writer.segments(&[*key]))?;
        needed.extend(kept.iter().flat_map(|kept| kept.header.manifest.segments()));
    }
    let mut obsolete = writer.stored_segments()?;
    obsolete.retain(|key| key.epoch < epoch && !needed.contains(key));
    committed.header = codec::encode(&header)?;
    writer.commit_checkpoint(epoch, &committed, &obsolete)?;
    println!("dropped the kept checkpoint at {} of {store} as epoch {epoch}", rfc3339(frontier));
    Ok(())
}
