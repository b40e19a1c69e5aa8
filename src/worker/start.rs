//! The start of a run: the epoch, the checkpoint, and the resume points. A single process determines them itself; of
//! several, process 0 does when all have connected, and sends them to the others as the plan.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dataflows::ingress::PartitionMemory;
use dataflows::progress::resume::ResumePoint;
use dataflows::settings::Settings;
use dataflows::state::snapshot::{LoadedShard, SnapshotHeader};

use super::checkpoint::load;
use super::config::WorkerConfig;
use super::error::WorkerError;
use super::identity;
use super::proof::Proof;
use crate::cluster::ClusterConfig;
use crate::cluster::coordinator::Coordinator;
use crate::cluster::handshake::{JoinRequest, PROTOCOL, Plan, build_hash};
use crate::cluster::member::join;
use crate::cluster::peer::Mesh;
use crate::log::{Log, LogError};
use crate::store::{Checkpoint, PipelineSettings, Store, StoreIdentity};

/// Timeout for reading the store's newest epoch, in a process that is about to end.
const EPOCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Initial state of a run.
pub(super) struct Start {
    pub(super) epoch: u64,
    /// The header of the checkpoint to resume from, if there is one.
    pub(super) resumed: Option<SnapshotHeader>,
    /// The resume point of each partition.
    pub(super) starts: Vec<ResumePoint>,
    /// Shards that the workers of this process own.
    pub(super) shards: Vec<LoadedShard>,
    /// Memory of the partitions that the workers of this process own, by partition.
    pub(super) memories: Vec<PartitionMemory>,
    /// What the run has to find again before it writes.
    pub(super) proof: Proof,
    /// The connections to the other processes, if there are any.
    pub(super) mesh: Option<Mesh>,
}

pub(super) fn start(config: &WorkerConfig, log: &dyn Log, store: &mut dyn Store) -> Result<Start, WorkerError> {
    let Some(cluster) = &config.cluster else {
        let plan = open(config, log, store)?;
        return Start::from_plan(&plan, config, log, store);
    };
    let ours = join_request(config, cluster, log)?;
    if cluster.index == 0 {
        let coordinator = Coordinator::gather(cluster, ours)?;
        let plan = open(config, log, store)?;
        let planned = coordinator.send_plan(&plan);
        let mut start = Start::from_plan(&plan, config, log, store)?;
        start.mesh = Some(planned.ready()?);
        return Ok(start);
    }
    let joined = join(cluster, ours)?;
    store.join_epoch(joined.plan.epoch)?;
    let mut start = Start::from_plan(&joined.plan, config, log, store)?;
    start.mesh = Some(joined.ready()?);
    Ok(start)
}

/// Opens the epoch, and checks that the checkpoint can be used.
pub(super) fn open(config: &WorkerConfig, log: &dyn Log, store: &mut dyn Store) -> Result<Plan, WorkerError> {
    // Before the epoch is opened: a start from the wrong log must not fence the pipeline that is right.
    let ours = StoreIdentity { begins: config.begins.clone(), ..identity::of(&config.settings, log) };
    if let Some(theirs) = store.identity()? {
        identity::check(&theirs, &ours, &log.name())?;
    }
    let (epoch, checkpoint) = store.open_epoch()?;
    let offsets = match &checkpoint {
        Some(checkpoint) => {
            load::read_header(checkpoint, &config.settings, log)?;
            Vec::new()
        }
        None => first_offsets(config, log)?,
    };
    let Settings { step_ms, allowed_lateness_ms, .. } = config.settings;
    store.put_identity(epoch, &ours)?;
    store.put_settings(epoch, PipelineSettings { step_ms, allowed_lateness_ms })?;
    let published = store.published()?;
    let checkpoint = checkpoint.map(|checkpoint| (checkpoint.frontier, checkpoint.header));
    Ok(Plan { epoch, checkpoint, published, offsets })
}

/// The first offset to read of each partition: as configured, or else the earliest that the log still has.
fn first_offsets(config: &WorkerConfig, log: &dyn Log) -> Result<Vec<u64>, LogError> {
    let first = |partition| {
        if let Some(offset) = config.offsets.get(&partition) {
            return Ok(*offset);
        }
        let offset = log.first_offset(partition)?;
        if offset > 0 {
            tracing::warn!(
                log = log.name(),
                partition,
                offset,
                "the log no longer has its first records: rows start at this offset"
            );
        }
        Ok(offset)
    };
    (0..log.partitions()).map(first).collect()
}

impl Start {
    /// Reads the state that the workers of this process own.
    pub(super) fn from_plan(
        plan: &Plan,
        config: &WorkerConfig,
        log: &dyn Log,
        store: &mut dyn Store,
    ) -> Result<Self, WorkerError> {
        let read = |(frontier, header): &(_, Vec<u8>)| {
            let checkpoint = Checkpoint { frontier: *frontier, header: header.clone() };
            load::read_header(&checkpoint, &config.settings, log)
        };
        let resumed = plan.checkpoint.as_ref().map(read).transpose()?;
        let fresh = |(partition, &offset): (usize, &u64)| ResumePoint::fresh(partition as u32, offset);
        let starts = match &resumed {
            Some(header) => header.resume.clone(),
            None => plan.offsets.iter().enumerate().map(fresh).collect(),
        };
        if starts.len() != log.partitions() as usize {
            return Err(WorkerError::Partitions { log: log.partitions(), checkpoint: starts.len() as u32 });
        }
        let (first, peers) = (config.first_worker(), config.peers());
        let is_own = |shard: u32| (first..first + config.workers).contains(&(shard as usize % peers));
        let shards = load::read_shards(&mut |keys| store.segments(keys), resumed.as_ref(), is_own)?;
        let memories = load::read_memory(&mut |keys| store.segments(keys), resumed.as_ref(), is_own)?;
        let proof = Proof::new(plan.published.clone(), resumed.as_ref().map(|header| &header.ledger.row))?;
        Ok(Self { epoch: plan.epoch, resumed, starts, shards, memories, proof, mesh: None })
    }
}

/// This process's join request, with the settings that all processes must share.
fn join_request(config: &WorkerConfig, cluster: &ClusterConfig, log: &dyn Log) -> Result<JoinRequest, WorkerError> {
    let identity = if log.identity().is_empty() { log.name() } else { log.identity() };
    let settings = &config.settings;
    let symbols = config.symbols.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let own = [
        ("workers", config.workers.to_string()),
        ("log", identity),
        ("partitions", log.partitions().to_string()),
        ("time step", format!("{} ms", settings.step_ms)),
        (
            "settings (time step, allowed lateness, out-of-orderness, dedup, conditions)",
            format!("{:016x}", settings.fingerprint()),
        ),
        ("until-end", config.until_end.to_string()),
        ("symbol log", symbols),
    ];
    let mut shared_settings: BTreeMap<String, String> = cluster.shared_settings.clone();
    shared_settings.extend(own.map(|(name, value)| (name.to_owned(), value)));
    Ok(JoinRequest {
        protocol: PROTOCOL,
        build: build_hash()?,
        processes: cluster.hosts.len(),
        index: cluster.index,
        shared_settings,
        epoch: None,
    })
}

/// The store's newest epoch, if it can be read in time.
pub(super) fn newest_epoch(cluster: &ClusterConfig) -> Option<u64> {
    let (sender, newest) = crossbeam_channel::bounded(1);
    let read = Arc::clone(&cluster.newest_epoch);
    std::thread::spawn(move || {
        // The receiver is gone after the timeout.
        let _ = sender.send(read());
    });
    newest.recv_timeout(EPOCH_TIMEOUT).ok().flatten()
}
