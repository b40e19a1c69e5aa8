//! What the commands share: durations, a progress display for long work.

use std::fmt;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use indicatif::{ProgressBar, ProgressStyle};

use crate::timestamp::rfc3339;
use crate::worker::Watch;

/// A duration of whole milliseconds, written `250ms`, `30s`, `15m`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration(u64);

const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

impl Duration {
    /// From milliseconds.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// In milliseconds.
    pub const fn ms(self) -> u64 {
        self.0
    }

    /// For the standard library.
    pub const fn std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no duration: write 250ms, 30s, 15m or 1h");
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = UNITS.iter().find(|(name, _)| *name == &text[digits.len()..]).ok_or_else(wrong)?;
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        number.checked_mul(unit.1).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = UNITS.iter().rev().find(|(_, ms)| self.0.is_multiple_of(*ms) && self.0 >= *ms);
        let (name, ms) = fits.copied().unwrap_or(UNITS[0]);
        write!(f, "{}{name}", self.0 / ms)
    }
}

/// A panic in any thread ends the process: a worker that is gone would leave the others waiting for ever.
pub fn end_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        report(info);
        std::process::exit(1);
    }));
}

/// Whether nobody has asked for none (`NO_COLOR`, as many programs take it: set, and not empty).
pub fn colours_are_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// An address and a port to listen on.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an address and a port, as in 127.0.0.1:9101".to_owned())
}

/// A bar on standard error where that is a terminal, and a hidden one elsewhere.
pub fn progress_bar(template: &str) -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Shows how far the workers are, until `watch.stop` is set: a bar with rate and time left on a terminal, a line every
/// few seconds elsewhere. Everything goes to standard error.
pub fn show_progress(what: &'static str, watch: Arc<Watch>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let terminal = std::io::stderr().is_terminal();
        let bar = progress_bar("{msg} {wide_bar} {human_pos}/{human_len} records, {per_sec}, {eta} left");
        let start = std::time::Instant::now();
        let mut lines = 0;
        while !watch.stop.load(Ordering::SeqCst) {
            std::thread::sleep(std::time::Duration::from_millis(100));
            let (records, total) = (watch.records.load(Ordering::Relaxed), watch.records_total.load(Ordering::Relaxed));
            bar.set_length(total);
            bar.set_position(records);
            let frontier = watch.frontier.load(Ordering::SeqCst);
            bar.set_message(format!("{what}, complete up to {}", rfc3339(frontier)));
            let elapsed = start.elapsed().as_secs();
            if !terminal && elapsed / 5 > lines {
                lines = elapsed / 5;
                let rate = records / elapsed.max(1);
                let left = total.saturating_sub(records) / rate.max(1);
                let up_to = rfc3339(frontier);
                eprintln!(
                    "{what}: {records} of {total} records, {rate}/s, about {left} s left, complete up to {up_to}"
                );
            }
        }
        bar.finish_and_clear();
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_shown_alike() {
        for text in ["1ms", "250ms", "30s", "90s", "15m", "1h", "0ms"] {
            assert_eq!(text.parse::<Duration>().unwrap().to_string(), text);
        }
        for text in ["", "5", "ms", "-1s", "1.5s", "1d", "99999999999999999999s", "18446744073709551615h"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
        assert_eq!(rfc3339(1_381_152_605_000), "2013-10-07T13:30:05Z");
    }
}
