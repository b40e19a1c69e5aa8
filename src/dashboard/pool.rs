//! Small pools of store readers. Readers block, so they run on blocking threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::dashboard::error::ApiError;
use crate::store::{StoreError, StoreReader};

/// Concurrent reads, and open readers, for all requests. More would only wait for the same disk.
pub const REQUEST_READERS: usize = 4;
/// The same for the dashboard itself: its watcher, its index and its health must not wait for requests.
pub const OWN_READERS: usize = 3;

/// How long a request waits for a reader before it is answered with 503.
const WAIT: Duration = Duration::from_secs(5);

/// Opens a reader.
pub type OpenReader = dyn Fn() -> Result<Box<dyn StoreReader>, StoreError> + Send + Sync;

/// Hands out readers, a fixed number at a time.
pub struct ReaderPool {
    open: Arc<OpenReader>,
    idle: Mutex<Vec<Box<dyn StoreReader>>>,
    permits: Arc<Semaphore>,
    failures: AtomicU64,
}

impl ReaderPool {
    /// Opens the first reader, so that a missing store is reported at startup.
    pub async fn new(open: Arc<OpenReader>, readers_max: usize) -> Result<Arc<Self>, ApiError> {
        let pool = Arc::new(Self {
            open,
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(readers_max)),
            failures: AtomicU64::new(0),
        });
        pool.read(|_| Ok(())).await?;
        Ok(pool)
    }

    /// Runs `work` with a reader on a blocking thread.
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
        // The permit moves into the task: a request that is dropped does not free a reader that still works.
        let done = tokio::task::spawn_blocking(move || {
            let result = pool.run(work);
            drop(permit);
            result
        });
        match done.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(ApiError::store(&error)),
            Err(_) => Err(ApiError::unavailable("a read of the store was aborted", "try again")),
        }
    }

    /// Number of failed reads.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn run<T>(&self, work: impl FnOnce(&mut dyn StoreReader) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let result = idle.map_or_else(|| (self.open)(), Ok).and_then(|mut reader| {
            let value = work(reader.as_mut())?;
            // A failed reader is dropped: the next read opens a new one.
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            Ok(value)
        });
        if result.is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        result
    }
}
