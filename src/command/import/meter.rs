//! How far the import is: a bar on a terminal, a line every few seconds elsewhere. On standard error, both.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar};

use crate::command::output::progress::progress_bar;

/// Between two lines where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);
/// The clock is asked once in so many records.
const RECORDS_PER_LOOK: u64 = 4096;

/// Shows progress through a known number of bytes.
pub struct Meter {
    /// Moved by whoever reads.
    pub bar: ProgressBar,
    terminal: bool,
    started: Instant,
    shown: Instant,
    records: u64,
}

impl Meter {
    /// Starts at nothing of `bytes`.
    pub fn new(bytes: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = progress_bar("{msg:8} {wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec} ETA {eta}");
        bar.set_length(bytes);
        let now = Instant::now();
        Self { bar, terminal, started: now, shown: now, records: 0 }
    }

    /// Names what is done now.
    pub fn stage(&self, name: &'static str) {
        self.bar.set_message(name);
    }

    /// Counts a record.
    pub fn record(&mut self) {
        self.records += 1;
        if self.terminal || !self.records.is_multiple_of(RECORDS_PER_LOOK) || self.shown.elapsed() < EVERY {
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

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
