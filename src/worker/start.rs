//! How a run begins: the epoch, the checkpoint, and where the log is read from. One process finds that by itself; of
//! several, process 0 finds it when all are there, and tells the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dataflows::candles::state::SymbolState;
use dataflows::progress::partition::PartitionFrontier;
use dataflows::progress::resume::ResumePoint;
use dataflows::settings::Settings;
use dataflows::state::snapshot::SnapshotHeader;

use super::checkpoint::load;
use super::{WorkerConfig, WorkerError};
use crate::cluster::ClusterConfig;
use crate::cluster::coordinator::Coordinator;
use crate::cluster::handshake::{Hello, PROTOCOL, Plan, build_hash};
use crate::cluster::member::join;
use crate::cluster::peer::Mesh;
use crate::log::{Log, LogError};
use crate::store::{Checkpoint, PipelineSettings, Store};

/// How long the store may take to tell its newest epoch, to a process that is about to end.
const EPOCH_MAX: Duration = Duration::from_secs(3);

/// What a run begins with.
pub(super) struct Start {
    pub(super) epoch: u64,
    /// The header of the checkpoint that it resumes from.
    pub(super) resumed: Option<SnapshotHeader>,
    /// Where each partition is read from.
    pub(super) starts: Vec<ResumePoint>,
    /// By shard: the state that the workers of this process own.
    pub(super) shards: Vec<Vec<SymbolState>>,
    /// The other processes, where there are some.
    pub(super) mesh: Option<Mesh>,
}

pub(super) fn start(config: &WorkerConfig, log: &dyn Log, store: &mut dyn Store) -> Result<Start, WorkerError> {
    let Some(cluster) = &config.cluster else {
        let plan = open(config, log, store)?;
        let (start, shards) = Start::from_plan(&plan, config, log, store)?;
        start.check_shards(shards)?;
        return Ok(start);
    };
    let ours = hello(config, cluster, log)?;
    if cluster.index == 0 {
        let star = Coordinator::gather(cluster, ours)?;
        let plan = open(config, log, store)?;
        let told = star.tell(&plan)?;
        let (mut start, own) = Start::from_plan(&plan, config, log, store)?;
        let (mesh, theirs) = told.ready()?;
        start.check_shards(own + theirs)?;
        start.mesh = Some(mesh);
        return Ok(start);
    }
    let joined = join(cluster, ours)?;
    store.join_epoch(joined.plan.epoch)?;
    let (mut start, own) = Start::from_plan(&joined.plan, config, log, store)?;
    start.mesh = Some(joined.ready(own)?);
    Ok(start)
}

/// Opens the epoch, and looks whether what is there can be used.
fn open(config: &WorkerConfig, log: &dyn Log, store: &mut dyn Store) -> Result<Plan, WorkerError> {
    let (epoch, checkpoint) = store.open_epoch()?;
    let offsets = match &checkpoint {
        Some(checkpoint) => {
            load::read_header(checkpoint, &config.settings, log)?;
            Vec::new()
        }
        None => first_offsets(config, log)?,
    };
    let Settings { step_ms, allowed_lateness_ms, .. } = config.settings;
    store.put_settings(epoch, PipelineSettings { step_ms, allowed_lateness_ms })?;
    Ok(Plan { epoch, checkpoint: checkpoint.map(|checkpoint| (checkpoint.frontier, checkpoint.header)), offsets })
}

/// The offsets that were asked for, and else the earliest that the log still holds.
fn first_offsets(config: &WorkerConfig, log: &dyn Log) -> Result<Vec<u64>, LogError> {
    let first = |partition| {
        if let Some(offset) = config.offsets.get(&partition) {
            return Ok(*offset);
        }
        let offset = log.first_offset(partition)?;
        if offset > 0 {
            tracing::warn!(log = log.name(), partition, offset, "the log has lost its beginning: rows start there");
        }
        Ok(offset)
    };
    (0..log.partitions()).map(first).collect()
}

impl Start {
    /// Reads what the workers of this process own. Also returns how many shards that are.
    fn from_plan(
        plan: &Plan,
        config: &WorkerConfig,
        log: &dyn Log,
        store: &mut dyn Store,
    ) -> Result<(Self, u32), WorkerError> {
        let read = |(frontier, header): &(_, Vec<u8>)| {
            let checkpoint = Checkpoint { frontier: *frontier, header: header.clone() };
            load::read_header(&checkpoint, &config.settings, log)
        };
        let resumed = plan.checkpoint.as_ref().map(read).transpose()?;
        let fresh = |(partition, &offset): (usize, &u64)| ResumePoint {
            partition: partition as u32,
            offset,
            frontier: PartitionFrontier::default(),
        };
        let starts = match &resumed {
            Some(header) => header.resume.clone(),
            None => plan.offsets.iter().enumerate().map(fresh).collect(),
        };
        if starts.len() != log.partitions() as usize {
            return Err(WorkerError::Partitions { log: log.partitions(), checkpoint: starts.len() as u32 });
        }
        let (first, peers) = (config.first_worker(), config.peers());
        let is_own = |shard: u32| (first..first + config.workers).contains(&(shard as usize % peers));
        let (shards, found) = load::read_shards(store, resumed.as_ref(), is_own)?;
        Ok((Self { epoch: plan.epoch, resumed, starts, shards, mesh: None }, found))
    }

    /// A shard that is missing must not be taken for one that is empty.
    fn check_shards(&self, found: u32) -> Result<(), WorkerError> {
        match &self.resumed {
            Some(header) if header.shards != found => {
                let why = format!("it has {} shards, and {found} are there", header.shards);
                Err(WorkerError::Checkpoint { frontier: header.row.frontier, why })
            }
            _ => Ok(()),
        }
    }
}

/// Who this process is, and what must be the same in all.
fn hello(config: &WorkerConfig, cluster: &ClusterConfig, log: &dyn Log) -> Result<Hello, WorkerError> {
    let identity = if log.identity().is_empty() { log.name() } else { log.identity() };
    let settings = &config.settings;
    let symbols = config.symbols.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let own = [
        ("workers", config.workers.to_string()),
        ("log", identity),
        ("partitions", log.partitions().to_string()),
        ("tick", format!("{} ms", settings.step_ms)),
        (
            "settings (time step, allowed lateness, out-of-orderness, conditions)",
            format!("{:016x}", settings.fingerprint()),
        ),
        ("until-end", config.until_end.to_string()),
        ("symbols", symbols),
    ];
    let mut about: BTreeMap<String, String> = cluster.about.clone();
    about.extend(own.map(|(name, value)| (name.to_owned(), value)));
    Ok(Hello {
        protocol: PROTOCOL,
        build: build_hash()?,
        processes: cluster.hosts.len(),
        index: cluster.index,
        about,
        epoch: None,
    })
}

/// The store's newest epoch, when it can tell it soon.
pub(super) fn newest_epoch(cluster: &ClusterConfig) -> Option<u64> {
    let (told, newest) = crossbeam_channel::bounded(1);
    let ask = Arc::clone(&cluster.newest_epoch);
    std::thread::spawn(move || {
        // Nobody waits any more when it took too long.
        let _ = told.send(ask());
    });
    newest.recv_timeout(EPOCH_MAX).ok().flatten()
}
