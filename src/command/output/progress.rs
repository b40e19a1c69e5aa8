//! Progress of long-running commands, on standard error.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use indicatif::{ProgressBar, ProgressStyle};

use crate::process::messages::note;
use crate::worker::Watch;

/// Time before the first line of [`show_heartbeat`].
const HEARTBEAT_FIRST: std::time::Duration = std::time::Duration::from_secs(1);
/// Time between two lines of [`show_heartbeat`].
const HEARTBEAT: std::time::Duration = std::time::Duration::from_secs(10);

/// A bar on standard error if that is a terminal, else a hidden one.
pub fn progress_bar(template: &str) -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Runs `work` and shows the progress of its workers meanwhile, as [`show_progress`] does.
pub fn while_shown<R>(what: &'static str, work: impl FnOnce(&Arc<Watch>) -> R) -> R {
    let watch = Arc::new(Watch::default());
    let display = show_progress(what, Arc::clone(&watch));
    let result = work(&watch);
    watch.stop.store(true, Ordering::SeqCst);
    // It only displays progress, so its end cannot matter.
    let _ = display.join();
    result
}

/// Shows the progress of the workers on standard error until `watch.stop` is set: a bar on a terminal, a line every few
/// seconds elsewhere.
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
            let frontier = watch.complete_up_to();
            bar.set_message(format!("{what}, {frontier}"));
            let elapsed = start.elapsed().as_secs();
            if !terminal && elapsed / 5 > lines {
                lines = elapsed / 5;
                let rate = records / elapsed.max(1);
                let left = total.saturating_sub(records) / rate.max(1);
                note(format_args!("{what}: {records} of {total} records, {rate}/s, about {left} s left, {frontier}"));
            }
        }
        bar.finish_and_clear();
    })
}

/// Writes a line about the workers to standard error when they start and every ten seconds while something changes,
/// until `watch.stop` is set.
pub fn show_heartbeat(what: &'static str, watch: Arc<Watch>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let line = || {
            let records = watch.records.load(Ordering::Relaxed);
            format!("{what}: {records} records read, {}, {} waiting", watch.complete_up_to(), watch.records_waiting())
        };
        let mut shown = String::new();
        let mut due = std::time::Instant::now() + HEARTBEAT_FIRST;
        while !watch.stop.load(Ordering::SeqCst) {
            std::thread::sleep(std::time::Duration::from_millis(100));
            if std::time::Instant::now() < due {
                continue;
            }
            due += HEARTBEAT;
            let now = line();
            if now != shown {
                note(format_args!("{now}"));
                shown = now;
            }
        }
    })
}
