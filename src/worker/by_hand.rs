//! A run by hand: the workers and the store threads of one or more processes, where the caller says who takes the next
//! turn and when time passes. For simulations: what the host leaves to threads and clocks is decided from outside, and
//! everything else is what the host runs.
//!
//! Timely ties a worker to its thread, so each has one, but only one of all threads goes on at any time. The processes
//! are joined as threads of one process are: there are no sockets between them.

use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use dataflows::state::snapshot::LoadedShard;
use timely::communication::allocator::ProcessBuilder;
use timely::communication::{AllocatorBuilder, Hooks, WorkerGuards};
use timely::execute::execute_from;
use timely::worker::Worker;

use super::checkpoint::load;
use super::host::Shared;
use super::start::{self, Start};
use super::store_thread::{Executed, Executor};
use super::worker_loop::{Turn, WorkerLoop, drop_dataflows};
use super::{Watch, WorkerConfig, WorkerError};
use crate::log::Log;
use crate::store::Store;

/// One process of the run.
pub struct Member {
    /// Its settings; with a cluster that says which process of how many it is.
    pub config: WorkerConfig,
    /// The log.
    pub log: Arc<dyn Log>,
    /// Its connection to the store.
    pub store: Box<dyn Store>,
    /// Its live status.
    pub watch: Arc<Watch>,
}

/// A run whose turns are taken by hand. When it is dropped its threads end, with nothing more done.
pub struct RunByHand {
    processes: Vec<Process>,
    workers: Vec<Hand>,
    /// Joins the threads, after `workers` are gone.
    _guards: WorkerGuards<()>,
}

struct Process {
    shared: Arc<Shared>,
    executor: Executor,
    shards: Mutex<Vec<LoadedShard>>,
}

/// The caller's side of one worker.
struct Hand {
    requests: Sender<()>,
    turns: Receiver<Turn>,
}

/// The worker's side.
struct Thread {
    shared: Arc<Shared>,
    states: Vec<LoadedShard>,
    requests: Receiver<()>,
    turns: Sender<Turn>,
}

impl RunByHand {
    /// Starts all processes as the host does, one after the other. The first turn of each worker builds its dataflow.
    pub fn start(members: Vec<Member>) -> Result<Self, WorkerError> {
        let processes = start_processes(members)?;
        let (mut workers, mut threads) = (Vec::new(), Vec::new());
        for process in &processes {
            let config = &process.shared.config;
            for index in config.first_worker()..config.first_worker() + config.workers {
                let (shared, states) =
                    (Arc::clone(&process.shared), load::take_own(&process.shards, index, config.peers()));
                let ((requests, wanted), (taken, turns)) = (bounded(1), bounded(1));
                workers.push(Hand { requests, turns });
                threads.push(Some(Thread { shared, states, requests: wanted, turns: taken }));
            }
        }
        let hooks = Hooks::default();
        let builders = ProcessBuilder::new_typed_vector(workers.len(), hooks.refill.clone(), hooks.spill.clone());
        let builders = builders.into_iter().map(AllocatorBuilder::Process).collect();
        let threads = Mutex::new(threads);
        let run = move |worker: &mut Worker| {
            let thread = threads.lock().unwrap_or_else(PoisonError::into_inner)[worker.index()].take();
            thread.into_iter().for_each(|thread| thread.run(worker));
        };
        let guards = execute_from(builders, Box::new(()), timely::WorkerConfig::default(), run);
        Ok(Self { processes, workers, _guards: guards.map_err(WorkerError::Thread)? })
    }

    /// Workers of all processes.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// The process of a worker.
    pub fn process_of(&self, worker: usize) -> usize {
        let is_of = |process: &Process| process.shared.config.first_worker() <= worker;
        self.processes.iter().rposition(is_of).unwrap_or(0)
    }

    /// One turn of a worker. After the end, or a failure, there is nothing more to do.
    pub fn turn(&self, worker: usize) -> Turn {
        let hand = &self.workers[worker];
        // A thread that panicked has ended, and so has its process.
        hand.requests.send(()).ok().and_then(|()| hand.turns.recv().ok()).unwrap_or(Turn::Ended)
    }

    /// One turn of a process's store thread, which does not wait.
    pub fn store_turn(&mut self, process: usize) -> Executed {
        self.processes[process].executor.turn(false)
    }

    /// What has ended a process, once.
    pub fn take_failure(&self, process: usize) -> Option<WorkerError> {
        self.processes[process].shared.take_failure()
    }

    /// Commands that wait for a process's store thread.
    pub fn waiting_commands(&self, process: usize) -> usize {
        self.processes[process].executor.waiting()
    }
}

fn start_processes(mut members: Vec<Member>) -> Result<Vec<Process>, WorkerError> {
    let mut plan = None;
    let mut starts = Vec::new();
    for Member { config, log, store, .. } in &mut members {
        let plan = match &mut plan {
            None => plan.insert(start::open(config, log.as_ref(), store.as_mut())?),
            Some(plan) => {
                store.join_epoch(plan.epoch)?;
                plan
            }
        };
        starts.push(Start::from_plan(plan, config, log.as_ref(), store.as_mut())?);
    }
    let process = |(member, mut start): (Member, Start)| {
        let Member { config, log, store, watch } = member;
        let shards = Mutex::new(std::mem::take(&mut start.shards));
        // Nobody waits for the failures: they are asked for.
        let (failed, _) = unbounded();
        let (shared, executor) = Shared::new(config, log, None, (store, None), watch, start, failed)?;
        Ok(Process { shared, executor, shards })
    };
    members.into_iter().zip(starts).map(process).collect()
}

impl Thread {
    /// Takes a turn for each request, until nobody asks any more.
    fn run(mut self, worker: &mut Worker) {
        let mut worker_loop = None;
        while self.requests.recv().is_ok() {
            let turn = self.turn(worker, &mut worker_loop).unwrap_or_else(|error| {
                self.shared.fail(error);
                Turn::Ended
            });
            // The caller waits for it.
            let _ = self.turns.send(turn);
        }
        drop_dataflows(worker);
    }

    fn turn(&mut self, worker: &mut Worker, running: &mut Option<WorkerLoop>) -> Result<Turn, WorkerError> {
        if let Some(worker_loop) = running {
            return worker_loop.turn(worker, std::time::Duration::ZERO);
        }
        *running = WorkerLoop::start(worker, &self.shared, std::mem::take(&mut self.states))?;
        Ok(if running.is_some() { Turn::Idle } else { Turn::Ended })
    }
}
