//! The worker threads of this process, and timely's own between processes.

use std::sync::{Arc, Mutex};

use crossbeam_channel::{Receiver, bounded};
use dataflows::candles::state::SymbolState;
use timely::communication::allocator::ProcessBuilder;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::{AllocatorBuilder, Hooks, WorkerGuards};
use timely::execute::execute_from;

use super::checkpoint::load;
use super::{Shared, WorkerError, worker_loop};
use crate::cluster::peer::Peer;

/// Starts them. When all have ended, what comes back says which panicked, if one did. With peers, one that fails does
/// not end: what is behind its socket would take that for its last word.
pub(super) fn start(
    shared: &Arc<Shared>,
    shards: Vec<Vec<SymbolState>>,
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
    let (told, ended) = bounded(1);
    std::thread::spawn(move || {
        let panicked = guards.join().into_iter().find_map(Result::err);
        // Whoever runs this process may have left already.
        let _ = told.send(panicked);
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
        .map_err(|error| format!("the connections cannot be used: {error}"))?;
    let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
    execute_from(builders, Box::new(threads), timely::WorkerConfig::default(), run)
}
