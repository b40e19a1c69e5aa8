//! What the thread beside the store counts: rows, times, and the last checkpoint. For metrics alone; nothing is decided
//! by it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::{Resolution, Time};

use super::store_thread::Command;
use crate::metrics::catalog;
use crate::metrics::exposition::{Exposition, Histograms, durations};
use crate::store::{RowBatch, table};
use crate::time::now_ms;

/// What the store is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Rows of a batch.
    Rows,
    /// The frontier row.
    Frontier,
    /// Shards of a checkpoint.
    Shards,
    /// The commit of a checkpoint.
    Checkpoint,
    /// Entries of the symbol directory.
    Symbols,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Frontier => "frontier",
            Self::Shards => "shards",
            Self::Checkpoint => "checkpoint",
            Self::Symbols => "symbols",
        }
    }
}

/// Counts that the thread beside the store keeps, and that whoever asks for metrics reads.
#[derive(Debug)]
pub struct StoreMeter {
    /// Writes that are being carried out: 0 or 1.
    busy: AtomicUsize,
    /// How many more wait for that.
    waiting: OnceLock<Waiting>,
    /// Requests tried again, as the store counts them.
    retries: OnceLock<Arc<AtomicU64>>,
    durations: Histograms,
    rows: [AtomicU64; TABLES.len()],
    checkpoint: Mutex<Checkpoint>,
    published: Mutex<Option<FrontierRow>>,
}

/// The tables that rows are counted by: candles as in [`Resolution::ALL`], then the others.
const TABLES: [&str; 8] = [
    table::candles(Resolution::S5),
    table::candles(Resolution::M1),
    table::candles(Resolution::M5),
    table::candles(Resolution::H1),
    table::candles(Resolution::D1),
    "indicators",
    "rejected",
    "symbols",
];

/// The checkpoints that this process has a part in.
#[derive(Debug, Default)]
struct Checkpoint {
    /// The one whose shards are going to the store, since when, and how many bytes of it are there.
    gathering: Option<(Time, Instant, u64)>,
    /// Of the one before.
    took: Duration,
    bytes: u64,
    committed_ms: u64,
}

/// A look at the channel that leads to the thread beside the store.
struct Waiting(Receiver<Command>);

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Waiting").field(&self.0.len()).finish()
    }
}

impl Default for StoreMeter {
    fn default() -> Self {
        Self {
            busy: AtomicUsize::default(),
            waiting: OnceLock::new(),
            retries: OnceLock::new(),
            durations: durations(),
            rows: Default::default(),
            checkpoint: Mutex::default(),
            published: Mutex::default(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StoreMeter {
    /// Looks at the channel and at the store's own count from now on.
    pub(super) fn look_at(&self, commands: Receiver<Command>, retries: Arc<AtomicU64>) {
        // Each is set here only, once a run.
        let _ = self.waiting.set(Waiting(commands));
        let _ = self.retries.set(retries);
    }

    /// Does something at the store, and notes how long that took.
    pub(super) fn time<T>(&self, kind: Kind, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        self.busy.store(1, Ordering::Relaxed);
        let done = work();
        self.busy.store(0, Ordering::Relaxed);
        self.durations.get_or_create(&[("kind", kind.name().to_owned())]).observe(begun.elapsed().as_secs_f64());
        done
    }

    /// These rows are acknowledged.
    pub(super) fn wrote(&self, rows: &RowBatch) {
        for row in &rows.candles {
            self.rows[row.resolution as usize].fetch_add(1, Ordering::Relaxed);
        }
        let [.., indicators, rejected, _] = &self.rows;
        indicators.fetch_add(rows.indicators.len() as u64, Ordering::Relaxed);
        rejected.fetch_add(rows.rejected.len() as u64, Ordering::Relaxed);
    }

    /// So many entries of the symbol directory are acknowledged.
    pub(super) fn wrote_symbols(&self, entries: usize) {
        let [.., symbols] = &self.rows;
        symbols.fetch_add(entries as u64, Ordering::Relaxed);
    }

    /// Shards of a checkpoint are going to the store.
    pub(super) fn putting(&self, frontier: Time, shards: &[(u32, &[u8])]) {
        let bytes: u64 = shards.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        let mut checkpoint = locked(&self.checkpoint);
        match &mut checkpoint.gathering {
            Some((of, _, so_far)) if *of == frontier => *so_far += bytes,
            before => {
                // In a process that commits none, the next one tells that the last is whole.
                if let Some((.., bytes)) = before.replace((frontier, Instant::now(), bytes)) {
                    checkpoint.bytes = bytes;
                }
            }
        }
    }

    /// The checkpoint whose shards were put last is the one to resume from.
    pub(super) fn committed(&self, frontier: Time) {
        let mut checkpoint = locked(&self.checkpoint);
        checkpoint.committed_ms = now_ms();
        if let Some((_, begun, bytes)) = checkpoint.gathering.take_if(|(of, ..)| *of == frontier) {
            (checkpoint.took, checkpoint.bytes) = (begun.elapsed(), bytes);
        }
    }

    /// This frontier row is in the store. A run that goes on from a checkpoint publishes none until it is past the last
    /// one, so counts that are told from here never go back.
    pub(super) fn publish(&self, row: &FrontierRow) {
        let mut published = locked(&self.published);
        if published.as_ref().is_none_or(|published| published.frontier < row.frontier) {
            *published = Some(row.clone());
        }
    }

    /// The frontier row that the store holds, in the process that writes it.
    pub(super) fn published(&self) -> Option<FrontierRow> {
        locked(&self.published).clone()
    }

    /// Tells all of it but the frontier row.
    pub(super) fn tell(&self, exposition: &mut Exposition) {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let rows = TABLES.iter().zip(&self.rows).map(|(table, rows)| ((*table).to_owned(), count(rows)));
        exposition.put_by(&catalog::ROWS_WRITTEN, rows);
        exposition.put_histograms(&catalog::STORE_WRITE, &self.durations);
        let waiting = self.waiting.get().map_or(0, |waiting| waiting.0.len());
        exposition.put(&catalog::STORE_IN_FLIGHT, (waiting + self.busy.load(Ordering::Relaxed)) as u64);
        exposition.put(&catalog::STORE_RETRIES, self.retries.get().map_or(0, |retries| count(retries)));
        let checkpoint = locked(&self.checkpoint);
        exposition.put(&catalog::CHECKPOINT_COMMITTED, checkpoint.committed_ms as f64 / 1e3);
        exposition.put(&catalog::CHECKPOINT_DURATION, checkpoint.took.as_secs_f64());
        exposition.put(&catalog::CHECKPOINT_SIZE, checkpoint.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(meter: &StoreMeter) -> String {
        let mut exposition = Exposition::default();
        meter.tell(&mut exposition);
        exposition.encode().unwrap()
    }

    #[test]
    fn rows_are_counted_by_the_table_they_are_in() {
        for resolution in Resolution::ALL {
            assert_eq!(TABLES[resolution as usize], table::candles(resolution));
        }
        let meter = StoreMeter::default();
        meter.wrote_symbols(3);
        assert!(told(&meter).contains("\ntickline_rows_written_total{table=\"symbols\"} 3\n"));
    }

    #[test]
    fn a_checkpoint_is_as_large_as_all_its_shards() {
        let meter = StoreMeter::default();
        meter.putting(60, &[(0, &[0; 10]), (1, &[0; 5])]);
        meter.putting(60, &[(2, &[0; 1])]);
        assert!(told(&meter).contains("\ntickline_checkpoint_size_bytes 0\n"));
        meter.committed(60);
        assert!(told(&meter).contains("\ntickline_checkpoint_size_bytes 16\n"));
        meter.putting(120, &[(0, &[0; 7])]);
        meter.putting(180, &[(0, &[0; 9])]);
        assert!(told(&meter).contains("\ntickline_checkpoint_size_bytes 7\n"), "another process has committed it");
    }

    #[test]
    fn what_is_published_never_goes_back() {
        let meter = StoreMeter::default();
        let row = |frontier| FrontierRow { frontier, ..FrontierRow::empty() };
        meter.publish(&row(60));
        meter.publish(&row(40));
        assert_eq!(meter.published(), Some(row(60)));
    }

    #[test]
    fn writes_are_timed_by_kind() {
        let meter = StoreMeter::default();
        assert_eq!(meter.time(Kind::Frontier, || meter.busy.load(Ordering::Relaxed)), 1);
        let text = told(&meter);
        assert!(text.contains("\ntickline_store_write_duration_seconds_count{kind=\"frontier\"} 1\n"), "{text}");
        assert!(text.contains("\ntickline_store_writes_in_flight 0\n"), "{text}");
    }
}
