//! Progress of the import on standard error: a bar on a terminal, a line every few seconds elsewhere.

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar};

use crate::command::output::progress::progress_bar;
use crate::process::messages::note;

/// Interval of lines without a terminal.
const EVERY: Duration = Duration::from_secs(5);
/// Number of records between two readings of the clock.
const RECORDS_PER_CHECK: u64 = 4096;

/// Shows progress through a number of bytes or records.
pub struct Meter {
    stage: &'static str,
    bar: ProgressBar,
    terminal: bool,
    started: Instant,
    shown: Cell<Instant>,
    records: u64,
}

impl Meter {
    /// A meter of this stage, at 0 of `length`; 0 if unknown.
    pub fn new(stage: &'static str, length: u64) -> Self {
        let bar = progress_bar("{msg:8} {wide_bar} {percent}% ETA {eta}");
        bar.set_length(length);
        bar.set_message(stage);
        let now = Instant::now();
        let terminal = std::io::stderr().is_terminal();
        Self { stage, bar, terminal, started: now, shown: Cell::new(now), records: 0 }
    }

    /// Counts bytes that were read.
    pub fn read(&self, bytes: u64) {
        self.bar.inc(bytes);
        self.line(|at, of| format!("{} of {}", HumanBytes(at), HumanBytes(of)));
    }

    /// Counts a record that was written.
    pub fn record(&mut self) {
        self.records += 1;
        if self.records.is_multiple_of(RECORDS_PER_CHECK) {
            self.bar.inc(RECORDS_PER_CHECK);
            self.line(|at, of| format!("{at} of {of} records and progress"));
        }
    }

    fn line(&self, text: impl Fn(u64, u64) -> String) {
        if self.terminal || self.shown.get().elapsed() < EVERY {
            return;
        }
        self.shown.set(Instant::now());
        note(format_args!("{}: {}", self.stage, text(self.bar.position(), self.bar.length().unwrap_or(0))));
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
