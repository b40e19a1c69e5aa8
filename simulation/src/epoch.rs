//! One start of the job in the simulated world: its processes, which of them are dead, and which workers have ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dataflows::progress::time::Time;
use dataflows::settings::Settings;
use tickline::cluster::ClusterConfig;
use tickline::log::{Log, LogError};
use tickline::worker::{Clock, Executed, Member, RunByHand, Turn, Watch, WorkerConfig, WorkerError};

use crate::scenario::Shape;
use crate::store::{Contents, SimulatedStore};

/// Event time between two checkpoints that are kept: some in each run.
const ANCHOR_EVERY: Duration = Duration::from_secs(20);

/// A start of the job.
pub struct Epoch {
    run: RunByHand,
    watches: Vec<Arc<Watch>>,
    /// By process: it was killed.
    dead: Vec<bool>,
    /// By worker: it has ended.
    ended: Vec<bool>,
    /// It was asked to stop.
    pub is_stopping: bool,
    /// Rows that the store had written when it started.
    pub rows_before: u64,
    /// The frontier that was published when it started.
    pub published_before: Time,
    /// It makes checkpoints.
    pub makes_checkpoints: bool,
}

impl Epoch {
    /// Starts all processes.
    pub fn start(
        settings: &Settings,
        shape: Shape,
        open: &dyn Fn() -> Result<Arc<dyn Log>, LogError>,
        store: &SimulatedStore,
        clock: &Clock,
    ) -> Result<Self, WorkerError> {
        let watches: Vec<Arc<Watch>> = (0..shape.processes).map(|_| Arc::default()).collect();
        let member = |(index, watch): (usize, &Arc<Watch>)| {
            Ok(Member {
                config: WorkerConfig {
                    cluster: (shape.processes > 1).then(|| cluster(index, shape.processes)),
                    read_ahead_ms: shape.read_ahead_ms,
                    checkpoint_every: shape.checkpoint_every_ms.map(Duration::from_millis),
                    anchor_every: ANCHOR_EVERY,
                    clock: clock.clone(),
                    ..WorkerConfig::new(shape.workers, settings.clone())
                },
                log: open()?,
                store: Box::new(store.clone()),
                watch: Arc::clone(watch),
            })
        };
        let (rows_before, published_before) = (store.rows_written(), store.look(Contents::complete));
        let run = RunByHand::start(watches.iter().enumerate().map(member).collect::<Result<_, LogError>>()?)?;
        let (dead, ended) = (vec![false; shape.processes], vec![false; run.workers()]);
        let makes_checkpoints = shape.checkpoint_every_ms.is_some();
        Ok(Self { run, watches, dead, ended, is_stopping: false, rows_before, published_before, makes_checkpoints })
    }

    /// Processes.
    pub fn processes(&self) -> usize {
        self.dead.len()
    }

    /// Workers of all processes.
    pub fn workers(&self) -> usize {
        self.ended.len()
    }

    /// Kills a process.
    pub fn kill(&mut self, process: usize) {
        self.dead[process] = true;
    }

    /// Whether a process was killed.
    pub fn has_dead(&self) -> bool {
        self.dead.contains(&true)
    }

    /// Asks it to stop, as a signal to one of its processes does.
    pub fn stop(&mut self) {
        self.is_stopping = true;
        self.watches[0].stop.store(true, Ordering::SeqCst);
    }

    /// Whether all workers have ended.
    pub fn has_ended(&self) -> bool {
        !self.ended.contains(&false)
    }

    /// Records read since the start.
    pub fn records_read(&self) -> u64 {
        self.watches.iter().map(|watch| watch.records.load(Ordering::SeqCst)).sum()
    }

    /// A turn of a worker, unless it is dead.
    pub fn turn(&mut self, worker: usize) -> Option<Turn> {
        if self.dead[self.run.process_of(worker)] || self.ended[worker] {
            return None;
        }
        let turn = self.run.turn(worker);
        self.ended[worker] = turn == Turn::Ended;
        Some(turn)
    }

    /// A turn of a process's store thread, unless it is dead.
    pub fn store_turn(&mut self, process: usize) -> Option<Executed> {
        (!self.dead[process]).then(|| self.run.store_turn(process))
    }

    /// What has ended a process, once. The others do not know it yet.
    pub fn take_failure(&mut self) -> Option<WorkerError> {
        let failed = |process| Some((process, self.run.take_failure(process)?));
        let (process, error) = (0..self.processes()).find_map(failed)?;
        self.kill(process);
        Some(error)
    }

    /// Whether no process is left.
    pub fn is_dead(&self) -> bool {
        !self.dead.contains(&false)
    }

    /// The most commands that wait for a store thread.
    pub fn waiting_commands(&self) -> usize {
        (0..self.processes()).map(|process| self.run.waiting_commands(process)).max().unwrap_or(0)
    }
}

fn cluster(index: usize, processes: usize) -> ClusterConfig {
    ClusterConfig {
        index,
        hosts: (0..processes).map(|process| format!("simulated-{process}:1")).collect(),
        shared_settings: std::collections::BTreeMap::new(),
        store: "simulated".to_owned(),
        tls: None,
        newest_epoch: Arc::new(|| None),
    }
}
