//! The thread that reads the store, so that a slow store does not block the keyboard.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::state::{Query, Update};
use crate::secret::registry::masked;
use crate::store::{Range, StoreError, StoreReader};

/// Minimum pause between two reads.
const PAUSE: Duration = Duration::from_millis(200);
/// Interval between reads of the heartbeat, when nothing else changes.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);
/// Minimum pause between two reads, as a multiple of the duration of a read.
const PAUSES: u32 = 3;

/// Reads the store whenever its frontier has moved or the query has changed.
pub(super) struct Feed {
    query: Arc<Mutex<Query>>,
    wake: Sender<()>,
    updates: Receiver<Result<Update, String>>,
}

impl Feed {
    pub(super) fn start(mut reader: Box<dyn StoreReader>, query: Query) -> Self {
        let (query, (wake, woken), (sender, updates)) = (Arc::new(Mutex::new(query)), bounded(1), bounded(1));
        let current = Arc::clone(&query);
        // Ends with the process, or when the receiver is dropped.
        std::thread::spawn(move || {
            let (mut last, mut beaten) = (None, None);
            loop {
                let started = Instant::now();
                let query = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let update = read(reader.as_mut(), query, &mut last, &mut beaten);
                if let Some(update) = update.map_err(|error| masked(&error.to_string()).into_owned()).transpose()
                    && sender.send(update).is_err()
                {
                    return;
                }
                // Woken early by another query.
                let _ = woken.recv_timeout(PAUSE.max(started.elapsed() * PAUSES));
            }
        });
        Self { query, wake, updates }
    }

    pub(super) fn query(&self, query: Query) {
        let mut current = self.query.lock().unwrap_or_else(PoisonError::into_inner);
        if *current != query {
            *current = query;
            // When the thread is awake already, it reads the new query anyway.
            let _ = self.wake.try_send(());
        }
    }

    pub(super) fn next(&self) -> Option<Result<Update, String>> {
        self.updates.try_recv().ok()
    }
}

/// Epoch and frontier of the last read, and its query.
type LastRead = Option<((u64, u64), Query)>;

/// Reads what has changed since the last read, and each second the heartbeat. The frontier is read first, so the rows
/// are at least as new as it.
fn read(
    reader: &mut dyn StoreReader,
    query: Query,
    last: &mut LastRead,
    beaten: &mut Option<Instant>,
) -> Result<Option<Update>, StoreError> {
    let durable = reader.frontier()?;
    let place = durable.as_ref().map_or((0, 0), |durable| (durable.epoch, durable.row.frontier));
    let before = last.take();
    let is_due = beaten.is_none_or(|beaten| beaten.elapsed() >= HEARTBEAT_EVERY);
    if !is_due && before.as_ref().is_some_and(|(at, current)| *at == place && *current == query) {
        *last = before;
        return Ok(None);
    }
    let heartbeat = reader.heartbeat()?;
    *beaten = Some(Instant::now());
    let list = match &before {
        Some((at, _)) if *at == place => None,
        _ => Some(reader.latest()?),
    };
    let first = || list.as_ref().and_then(|list| list.first()).map(|(symbol, _)| symbol.clone());
    let symbol = query.symbol.clone().or_else(first);
    let range = Range { from_ms: 0, to_ms: u64::MAX, limit: query.candles_max };
    let candles = match &symbol {
        Some(symbol) => reader.candles(symbol, query.resolution, range)?,
        None => Vec::new(),
    };
    let resolution = query.resolution;
    *last = Some((place, query));
    Ok(Some(Update { durable, heartbeat, list, symbol, resolution, candles }))
}
