//! Why a candle is what it is: the records of the log that made it, those that were left out, the versions of its row,
//! and whether the stored row is what the log leads to.
//!
//! The part of the log in which the window's trades can be is read through the same [`Ingress`] as a worker's, with a
//! witness of its decisions, and folded with the same [`Candle`]. Several windows share one scan.
//!
//! ```text
//!  start    the checkpoint, or the log's beginning, from which the log is read
//!  scan     log -> ingress, up to a time        watch   the ingress's decisions, by window
//!  answer   what is returned, as JSON too       stored  the row of the store, and how it compares
//! ```
//!
//! [`Ingress`]: dataflows::ingress::Ingress
//! [`Candle`]: dataflows::candles::candle::Candle

use dataflows::progress::time::{Resolution, Time};
use dataflows::settings::Settings;
use dataflows::symbols::symbol::Symbol;

pub mod answer;
mod error;
mod rejected_part;
mod scan;
mod start;
mod stored;
mod watch;

pub use answer::{Explanation, Verdict};
pub use error::ExplainError;

use crate::log::Log;
use crate::store::{StoreReader, is_complete};
use crate::worker::identity;

/// How far before the first moment at which a trade of a window can be accepted, and how far past the last one, the log
/// is searched for trades that were rejected as too far ahead or too late, in milliseconds of event time.
pub const SEARCHED_MS: u64 = 3_600_000;

/// A window of a symbol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// The symbol.
    pub symbol: Symbol,
    /// Its length.
    pub resolution: Resolution,
    /// Its start.
    pub start_ms: u64,
}

impl Window {
    /// The window that holds a moment.
    pub const fn holding(symbol: Symbol, resolution: Resolution, moment_ms: u64) -> Self {
        Self { symbol, resolution, start_ms: resolution.window_start_ms(moment_ms) }
    }

    /// Its end (exclusive), in milliseconds.
    pub const fn end_ms(&self) -> u64 {
        self.start_ms + self.resolution.length_ms()
    }
}

/// What an explanation is made from.
pub struct Sources<'a> {
    /// The log.
    pub log: &'a dyn Log,
    /// The settings that the store was made with.
    pub settings: &'a Settings,
    /// The store.
    pub reader: &'a mut dyn StoreReader,
    /// Whether to give up.
    pub is_stopped: &'a dyn Fn() -> bool,
}

/// Explains windows, each by at most `limit` trades, left-out ones and versions. All windows share one scan of the log,
/// from what the first of them needs to what the last one needs.
pub fn explain(sources: Sources<'_>, windows: &[Window], limit: usize) -> Result<Vec<Explanation>, ExplainError> {
    let Sources { log, settings, reader, is_stopped } = sources;
    // Before the rows: they are then at least as complete as it says.
    let Some(durable) = reader.frontier()? else { return Err(ExplainError::NothingComplete) };
    let frontier = durable.row.frontier;
    if let Some(theirs) = reader.identity()? {
        identity::check(&theirs, &identity::of(settings, log), &log.name())?;
    }
    let Some(first) = windows.iter().min_by_key(|window| window.start_ms) else { return Ok(Vec::new()) };
    let final_from = |window: &Window| window.end_ms().saturating_add(settings.allowed_lateness_ms);
    let last = windows.iter().map(final_from).max().unwrap_or(0);
    let to: Time = frontier.min(last.saturating_add(SEARCHED_MS));
    let start = start::choose(log, settings, reader, first)?;
    let (watch, scan) = scan::scan(log, settings, start, to, (watch::Watch::new(windows, limit), is_stopped))?;
    let lives = reader.times_to_live()?;
    let mut all = Vec::with_capacity(windows.len());
    for (window, found) in windows.iter().zip(watch.into_found()) {
        let found = found.finish(window, to);
        let stored = stored::read(reader, window)?;
        let context = stored::Context { window, frontier, live_s: stored::live_s(&lives, window.resolution) };
        let verdict = stored::compare(found.computed.as_ref(), stored.as_ref(), &context);
        all.push(Explanation {
            symbol: window.symbol.to_string(),
            resolution: window.resolution.name(),
            window_start_ms: window.start_ms,
            window_end_ms: window.end_ms(),
            frontier_ms: frontier,
            complete: is_complete(window.start_ms, window.resolution, frontier),
            final_from_ms: final_from(window),
            is_final: frontier >= final_from(window),
            scan: scan.clone(),
            accepted: found.accepted,
            left_out: found.left_out,
            versions: found.versions,
            verdict,
            differences: stored::differences(found.computed.as_ref(), stored.as_ref()),
            computed: found.computed,
            stored,
        });
    }
    Ok(all)
}
