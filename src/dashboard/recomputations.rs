//! What is computed from the log for viewers: one computation at a time, a few requests that wait for theirs, and of
//! earlier rows the results of the last ones.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dataflows::progress::time::Time;
use dataflows::symbols::symbol::Symbol;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::Shared;
use super::as_of::api_error;
use super::error::ApiError;
use crate::as_of::{AsOf, Recomputed, Recomputing};
use crate::replay::Origin;
use crate::worker::Watch;

/// Requests that wait for a computation or for its result.
const REQUESTS_MAX: usize = 8;
/// How long a request waits for those before it until it is answered with 503.
const WAIT: Duration = Duration::from_secs(60);
/// Rows of results that are kept, about 256 bytes each.
const KEPT_ROWS_MAX: usize = 50_000;
/// Memory of a computation, in bytes: the state of one symbol, and what its replay reads ahead.
const BYTES: usize = 32 << 20;

/// What is computed: rows of a symbol as of a time.
type Key = (String, Time);

/// Computations of rows, and what they are made from.
#[derive(Debug)]
pub struct Recomputations {
    origin: Option<Origin>,
    turn: Arc<Semaphore>,
    requests: Semaphore,
    state: Mutex<State>,
    computed: AtomicU64,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// The last used one is the last.
    kept: VecDeque<(Key, Arc<Recomputed>)>,
    /// The computation that runs.
    running: Option<Arc<Watch>>,
    is_stopped: bool,
}

impl Recomputations {
    /// None so far. Without an origin there will be none.
    pub fn new(origin: Option<Origin>) -> Arc<Self> {
        Arc::new(Self {
            origin,
            turn: Arc::new(Semaphore::new(1)),
            requests: Semaphore::new(REQUESTS_MAX),
            state: Mutex::default(),
            computed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    /// The log and the settings that the store was made from.
    pub fn origin(&self) -> Result<&Origin, ApiError> {
        self.origin.as_ref().ok_or_else(|| {
            let error = "this dashboard computes nothing from the log: it was started without it";
            let hint = "start `tickline dashboard` with --log LOG, the log that the store was made from, and with the \
                        settings of `tickline work`";
            ApiError::not_implemented(error, hint)
        })
    }

    /// Rows of a symbol as of a time: kept ones, or else new ones.
    pub async fn get(
        self: &Arc<Self>,
        shared: &Shared,
        symbol: &str,
        as_of: AsOf,
    ) -> Result<Arc<Recomputed>, ApiError> {
        let key = (symbol.to_owned(), as_of.time);
        if let Some(kept) = self.kept(&key) {
            return Ok(kept);
        }
        let (_request, turn) = self.turn().await?;
        if let Some(kept) = self.kept(&key) {
            return Ok(kept);
        }
        let reservation = shared.answers.reserve(BYTES).await?;
        let origin = self.origin()?.clone();
        let none = || ApiError::not_found(format!("invalid symbol {symbol:?}"), "/api/symbols lists the symbols");
        let symbol = Symbol::new(symbol).ok_or_else(none)?;
        let from = origin.clone();
        let find = shared.pool.read(move |reader| {
            let found = from.open(reader).and_then(|log| Ok(Recomputing::find(reader, log, symbol, as_of)?));
            Ok(found.map_err(|error| api_error(&error)))
        });
        let recomputing = find.await??;
        let computations = Arc::clone(self);
        // A request that is dropped does not free the turn: the computation goes on, and its result is kept.
        let done = tokio::task::spawn_blocking(move || {
            let _held = (turn, reservation);
            computations.run(key, recomputing, &origin)
        });
        done.await.unwrap_or_else(|_| Err(ApiError::unavailable("the computation was aborted", "try again")))
    }

    /// Waits until nothing else is read of the log. The first permit counts a request that waits for its answer; the
    /// second one belongs to the reading.
    pub async fn turn(&self) -> Result<(SemaphorePermit<'_>, OwnedSemaphorePermit), ApiError> {
        let refused = || {
            self.refused.fetch_add(1, Ordering::Relaxed);
            ApiError::busy("too many requests are computed from the log")
        };
        let request = self.requests.try_acquire().map_err(|_| refused())?;
        let turn = tokio::time::timeout(WAIT, Arc::clone(&self.turn).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(refused()) };
        Ok((request, turn))
    }

    /// Whether the dashboard ends.
    pub fn is_stopped(&self) -> bool {
        self.locked().is_stopped
    }

    fn run(&self, key: Key, recomputing: Recomputing, origin: &Origin) -> Result<Arc<Recomputed>, ApiError> {
        let watch = Arc::new(Watch::default());
        let mut state = self.locked();
        watch.stop.store(state.is_stopped, Ordering::SeqCst);
        state.running = Some(Arc::clone(&watch));
        drop(state);
        let result = recomputing.run(origin, &watch);
        self.computed.fetch_add(1, Ordering::Relaxed);
        let mut state = self.locked();
        state.running = None;
        let recomputed = Arc::new(result.map_err(|error| api_error(&error))?);
        state.kept.push_back((key, Arc::clone(&recomputed)));
        while state.kept.len() > 1 && state.kept.iter().map(|(_, kept)| kept.len()).sum::<usize>() > KEPT_ROWS_MAX {
            state.kept.pop_front();
        }
        drop(state);
        Ok(recomputed)
    }

    /// A result that is kept; it is now the last used one.
    fn kept(&self, key: &Key) -> Option<Arc<Recomputed>> {
        let kept = &mut self.locked().kept;
        let at = kept.iter().position(|(of, _)| of == key)?;
        let found = kept.remove(at)?;
        let recomputed = Arc::clone(&found.1);
        kept.push_back(found);
        Some(recomputed)
    }

    /// Ends the computation that runs, and those that wait.
    pub fn stop(&self) {
        let mut state = self.locked();
        state.is_stopped = true;
        state.running.iter().for_each(|watch| watch.stop.store(true, Ordering::SeqCst));
    }

    /// Requests that wait for a computation or for its result.
    pub fn requests(&self) -> u64 {
        (REQUESTS_MAX - self.requests.available_permits()) as u64
    }

    /// Number of computations.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Number of requests that were refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
