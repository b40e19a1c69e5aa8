//! The worker threads of this process, and timely's own between processes.

use std::sync::{Arc, Mutex};

use crossbeam_channel::{Receiver, bounded};
use dataflows::state::snapshot::LoadedShard;
use timely::communication::allocator::ProcessBuilder;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::{AllocatorBuilder, Hooks, WorkerGuards};
use timely::execute::execute_from;

use super::checkpoint::load;
use super::host::Shared;
use super::{WorkerError, worker_loop};
use crate::cluster::peer::Peer;

/// Starts the worker threads. When all have ended, the channel receives the message of one that panicked, if any. With
/// peers, a worker that fails does not end: the process at the other end of its socket would take that for completion.
pub(super) fn start(
    shared: &Arc<Shared>,
    shards: Vec<LoadedShard>,
    peers: Vec<Option<Peer>>,
) -> Result<Receiver<Option<String>>, WorkerError> {
    let (workers, for_threads) = (shared.config.workers, Arc::clone(shared));
    let shards = Mutex::new(shards);
    let run = move |worker: &mut timely::worker::Worker| {
        let own = load::take_own(&shards, worker.index(), worker.peers());
        worker_loop::run(worker, &for_threads, own);
    };
    let guards = match &shared.config.cluster {
        None => timely::execute(timely::Config::process(workers), run),
        Some(cluster) => between_processes(peers, cluster.index, workers, run),
    };
    let guards = guards.map_err(WorkerError::Thread)?;
    let (sender, ended) = bounded(1);
    std::thread::spawn(move || {
        let panicked = guards.join().into_iter().find_map(Result::err);
        // The host may have returned already.
        let _ = sender.send(panicked);
    });
    Ok(ended)
}

fn between_processes(
    peers: Vec<Option<Peer>>,
    index: usize,
    workers: usize,
    run: impl Fn(&mut timely::worker::Worker) + Send + Sync + 'static,
) -> Result<WorkerGuards<()>, String> {
    let hooks = Hooks::default();
    let within = ProcessBuilder::new_typed_vector(workers, hooks.refill.clone(), hooks.spill.clone());
    let (builders, threads) = initialize_networking_from_sockets(within, peers, index, workers, hooks)
        .map_err(|error| format!("cannot use the connections to other processes: {error}"))?;
    let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
    execute_from(builders, Box::new(threads), timely::WorkerConfig::default(), run)
}
