//! Keeps the index of symbols new enough, at a bounded cost to the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::index::Index;
use super::pool::ReaderPool;
use super::until;

/// Reading the index takes at most one part in so many of the time.
const COST_DIVISOR: u32 = 20;

/// Reads the index every `every`, and less often where that takes long, until told to stop. What cannot be read stays
/// as it was; the watcher says why.
pub async fn run(
    pool: Arc<ReaderPool>,
    index: watch::Sender<Arc<Index>>,
    stop: watch::Receiver<bool>,
    every: Duration,
) {
    let mut pause = every;
    loop {
        tokio::select! {
            () = until(stop.clone()) => return,
            () = tokio::time::sleep(pause) => {}
        }
        let start = Instant::now();
        if let Ok(read) = pool.read(Index::read).await {
            index.send_replace(Arc::new(read));
        }
        pause = every.max(start.elapsed() * COST_DIVISOR);
    }
}
