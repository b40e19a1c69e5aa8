//! Store metrics: rows written, durations, and the last checkpoint. They influence nothing.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::{Resolution, Time};

use super::store_command::{Command, Kind};
use crate::metrics::catalog;
use crate::metrics::exposition::{Exposition, Histograms, durations};
use crate::store::{RowBatch, table};
use crate::time::now_ms;

/// Store metrics, updated by the store thread.
#[derive(Debug)]
pub struct StoreMeter {
    /// Writes in progress: 0 or 1.
    busy: AtomicUsize,
    /// Commands waiting.
    waiting: OnceLock<Waiting>,
    /// The store's counter of retried requests.
    retries: OnceLock<Arc<AtomicU64>>,
    durations: Histograms,
    rows: [AtomicU64; TABLES.len()],
    checkpoint: Mutex<Checkpoint>,
    published: Mutex<Option<FrontierRow>>,
}

/// The tables, as metric labels: candles as in [`Resolution::ALL`], then the others.
const TABLES: [&str; 9] = [
    table::candles(Resolution::S5),
    table::candles(Resolution::M1),
    table::candles(Resolution::M5),
    table::candles(Resolution::H1),
    table::candles(Resolution::D1),
    "indicators",
    "rejected",
    "gaps",
    "symbols",
];

/// Checkpoints that this process contributes to.
#[derive(Debug, Default)]
struct Checkpoint {
    /// The checkpoint whose shards are being written, its start, and its bytes written.
    current: Option<(Time, Instant, u64)>,
    /// Duration of the last one.
    took: Duration,
    bytes: u64,
    committed_ms: u64,
}

/// The store thread's command channel, for its length.
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
    /// Sets the channel and the counter to observe.
    pub(super) fn observe(&self, commands: Receiver<Command>, retries: Arc<AtomicU64>) {
        // Each is set only here, once per run.
        let _ = self.waiting.set(Waiting(commands));
        let _ = self.retries.set(retries);
    }

    /// Runs a store write and records its duration.
    pub(super) fn time<T>(&self, kind: Kind, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        self.busy.store(1, Ordering::Relaxed);
        let done = work();
        self.busy.store(0, Ordering::Relaxed);
        self.durations.get_or_create(&[("kind", kind.name().to_owned())]).observe(begun.elapsed().as_secs_f64());
        done
    }

    /// Counts acknowledged rows.
    pub(super) fn wrote(&self, rows: &RowBatch) {
        for row in &rows.candles {
            self.rows[row.resolution as usize].fetch_add(1, Ordering::Relaxed);
        }
        let [.., indicators, rejected, gaps, _] = &self.rows;
        indicators.fetch_add(rows.indicators.len() as u64, Ordering::Relaxed);
        rejected.fetch_add(rows.rejected.len() as u64, Ordering::Relaxed);
        gaps.fetch_add(rows.gaps.len() as u64, Ordering::Relaxed);
    }

    /// Counts acknowledged entries of the symbol table.
    pub(super) fn wrote_symbols(&self, entries: usize) {
        let [.., symbols] = &self.rows;
        symbols.fetch_add(entries as u64, Ordering::Relaxed);
    }

    /// Counts shards of a checkpoint that are being written.
    pub(super) fn writing_shards(&self, frontier: Time, shards: &[(u32, &[u8])]) {
        let bytes: u64 = shards.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        let mut checkpoint = locked(&self.checkpoint);
        match &mut checkpoint.current {
            Some((of, _, total)) if *of == frontier => *total += bytes,
            previous => {
                // A process that commits no checkpoints knows that one is complete when the next one begins.
                if let Some((.., bytes)) = previous.replace((frontier, Instant::now(), bytes)) {
                    checkpoint.bytes = bytes;
                }
            }
        }
    }

    /// Records the commit of a checkpoint.
    pub(super) fn committed(&self, frontier: Time) {
        let mut checkpoint = locked(&self.checkpoint);
        checkpoint.committed_ms = now_ms();
        if let Some((_, begun, bytes)) = checkpoint.current.take_if(|(of, ..)| *of == frontier) {
            (checkpoint.took, checkpoint.bytes) = (begun.elapsed(), bytes);
        }
    }

    /// Records a published frontier row. A run that resumes from a checkpoint publishes none until it is past the last
    /// one, so counters exported from here never decrease.
    pub(super) fn publish(&self, row: &FrontierRow) {
        let mut published = locked(&self.published);
        if published.as_ref().is_none_or(|published| published.frontier < row.frontier) {
            *published = Some(row.clone());
        }
    }

    /// The last published frontier row, in the process that publishes it.
    pub(super) fn published(&self) -> Option<FrontierRow> {
        locked(&self.published).clone()
    }

    /// Exports everything except the frontier row.
    pub(super) fn export(&self, exposition: &mut Exposition) {
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

    fn exported(meter: &StoreMeter) -> String {
        let mut exposition = Exposition::default();
        meter.export(&mut exposition);
        exposition.encode().unwrap()
    }

    #[test]
    fn rows_are_counted_by_table() {
        for resolution in Resolution::ALL {
            assert_eq!(TABLES[resolution as usize], table::candles(resolution));
        }
        let meter = StoreMeter::default();
        meter.wrote_symbols(3);
        assert!(exported(&meter).contains("\ntickline_rows_written_total{table=\"symbols\"} 3\n"));
    }

    #[test]
    fn checkpoint_size_is_that_of_its_shards() {
        let meter = StoreMeter::default();
        meter.writing_shards(60, &[(0, &[0; 10]), (1, &[0; 5])]);
        meter.writing_shards(60, &[(2, &[0; 1])]);
        assert!(exported(&meter).contains("\ntickline_checkpoint_size_bytes 0\n"));
        meter.committed(60);
        assert!(exported(&meter).contains("\ntickline_checkpoint_size_bytes 16\n"));
        meter.writing_shards(120, &[(0, &[0; 7])]);
        meter.writing_shards(180, &[(0, &[0; 9])]);
        assert!(exported(&meter).contains("\ntickline_checkpoint_size_bytes 7\n"), "another process has committed it");
    }

    #[test]
    fn published_frontier_never_goes_back() {
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
        let text = exported(&meter);
        assert!(text.contains("\ntickline_store_write_duration_seconds_count{kind=\"frontier\"} 1\n"), "{text}");
        assert!(text.contains("\ntickline_store_writes_in_flight 0\n"), "{text}");
    }
}
