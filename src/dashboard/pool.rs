//! A few store readers, shared by all requests: readers block, so they run beside the async threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::dashboard::error::ApiError;
use crate::store::{StoreError, StoreReader};

/// Reads at the same time, and readers kept open. More would only wait for the same disk.
const READERS_MAX: usize = 4;

/// A request that gets no reader for so long is turned away rather than queued further.
const WAIT: Duration = Duration::from_secs(5);

type OpenReader = dyn Fn() -> Result<Box<dyn StoreReader>, StoreError> + Send + Sync;

/// Hands out readers, at most [`READERS_MAX`] at a time.
pub struct ReaderPool {
    open: Box<OpenReader>,
    idle: Mutex<Vec<Box<dyn StoreReader>>>,
    permits: Arc<Semaphore>,
    failures: AtomicU64,
}

impl ReaderPool {
    /// Opens the first reader, so that a store that is not there is found out at the start.
    pub async fn new(
        open: impl Fn() -> Result<Box<dyn StoreReader>, StoreError> + Send + Sync + 'static,
    ) -> Result<Arc<Self>, ApiError> {
        let pool = Arc::new(Self {
            open: Box::new(open),
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(READERS_MAX)),
            failures: AtomicU64::new(0),
        });
        pool.read(|_| Ok(())).await?;
        Ok(pool)
    }

    /// Runs `work` with a reader on a thread that may block.
    pub async fn read<T, W>(self: &Arc<Self>, work: W) -> Result<T, ApiError>
    where
        T: Send + 'static,
        W: FnOnce(&mut dyn StoreReader) -> Result<T, StoreError> + Send + 'static,
    {
        let permits = Arc::clone(&self.permits);
        let Ok(Ok(permit)) = tokio::time::timeout(WAIT, permits.acquire_owned()).await else {
            return Err(ApiError::busy("all store readers are in use"));
        };
        let pool = Arc::clone(self);
        // The permit goes along: a viewer that leaves does not free the reader that still works for it.
        let done = tokio::task::spawn_blocking(move || {
            let result = pool.run(work);
            drop(permit);
            result
        });
        match done.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(ApiError::store(&error)),
            Err(_) => Err(ApiError::unavailable("a read of the store was broken off", "try again")),
        }
    }

    /// How many reads have failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn run<T>(&self, work: impl FnOnce(&mut dyn StoreReader) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let result = idle.map_or_else(|| (self.open)(), Ok).and_then(|mut reader| {
            let value = work(reader.as_mut())?;
            // A reader that failed is not kept: the next read opens a fresh one.
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            Ok(value)
        });
        if result.is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        result
    }
}
