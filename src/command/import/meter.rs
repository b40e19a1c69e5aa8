//! Progress of the import on standard error: a bar on a terminal, a line every few seconds elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar};

use crate::command::output::progress::progress_bar;

/// Interval of lines without a terminal.
const EVERY: Duration = Duration::from_secs(5);
/// Number of records between two readings of the clock.
const RECORDS_PER_CHECK: u64 = 4096;

/// Shows progress through a known number of bytes.
pub struct Meter {
    /// The bar, which the reader advances.
    pub bar: ProgressBar,
    terminal: bool,
    started: Instant,
    shown: Instant,
    records: u64,
}

impl Meter {
    /// A meter at 0 of `bytes`.
    pub fn new(bytes: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = progress_bar("{msg:8} {wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec} ETA {eta}");
        bar.set_length(bytes);
        let now = Instant::now();
        Self { bar, terminal, started: now, shown: now, records: 0 }
    }

    /// Sets the name of the current stage.
    pub fn stage(&self, name: &'static str) {
        self.bar.set_message(name);
    }

    /// Counts a record.
    pub fn record(&mut self) {
        self.records += 1;
        if self.terminal || !self.records.is_multiple_of(RECORDS_PER_CHECK) || self.shown.elapsed() < EVERY {
            return;
        }
        self.shown = Instant::now();
        let (at, of) = (self.bar.position(), self.bar.length().unwrap_or(0));
        let seconds = self.started.elapsed().as_secs_f64();
        let left = if at == 0 { 0.0 } else { seconds * of.saturating_sub(at) as f64 / at as f64 };
        let stage = self.bar.message();
        eprintln!("{stage}: {} of {}, about {left:.0} s left", HumanBytes(at), HumanBytes(of));
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Removes the bar.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
