//! Refreshes the symbol index at a bounded cost to the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::index::Index;
use super::pool::ReaderPool;
use crate::http::server::stopped;

/// Inverse of the share of time spent reading the index, at most.
const COST_DIVISOR: u32 = 20;

/// Reads the index every `every`, or less often if a read is slow, until stopped. A failed read keeps the old index;
/// the frontier watcher logs the error.
pub async fn run(
    pool: Arc<ReaderPool>,
    index: watch::Sender<Arc<Index>>,
    stop: watch::Receiver<bool>,
    every: Duration,
) {
    let mut pause = every;
    loop {
        tokio::select! {
            () = stopped(stop.clone()) => return,
            () = tokio::time::sleep(pause) => {}
        }
        let start = Instant::now();
        let before = Arc::clone(&index.borrow());
        if let Ok(read) = pool.read(move |reader| Index::read(reader, &before)).await {
            index.send_replace(Arc::new(read));
        }
        pause = every.max(start.elapsed() * COST_DIVISOR);
    }
}
