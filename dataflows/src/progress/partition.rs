//! The frontier of one partition, by the progress of its sources alone.
//!
//! A source is live from its first progress to its `bye`. The frontier is the least progress of the live sources, and
//! never goes back: a source that joins with older progress brings late trades. When the last live source leaves, the
//! frontier moves past every time that was given to a record before: a log whose sources have left is complete to its
//! last record. Progress that leaps far ahead of everything known is not believed until something confirms it: one
//! wrong clock must not make a whole partition late. `docs/definitions.md`, section 3.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::log::binding::Binding;
use crate::progress::time::{EVENT_MS_END, MAX_AHEAD_MS, STEP_MS, Time};
use crate::settings::ProgressMode;

/// Maximum number of live sources in a partition.
pub const SOURCES_MAX: usize = 1024;
/// Longest name of a source, in bytes.
pub const SOURCE_BYTES_MAX: usize = 128;

/// State of a partition's frontier. Part of each resume point, so that a resumed run continues as if never stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionFrontier {
    sources: BTreeMap<String, u64>,
    frontier_ms: Option<u64>,
    /// The greatest event time of an accepted trade.
    newest_ms: Option<u64>,
    /// The greatest time given to a record.
    time_max: Option<Time>,
    /// Up to where a source has said that its progress will leap: the end of its gap, or of its import.
    announced: BTreeMap<String, u64>,
    /// The last progress that was rejected because it leaps, until a trade confirms it.
    leap: Option<(String, u64)>,
    /// The symbol of the accepted trades, where leaps of trades have to be confirmed.
    symbol: Option<String>,
    /// Whether there were trades of several symbols.
    has_several_symbols: bool,
    /// In a progress log: the offset after the last binding of this partition that was applied.
    bound_by: u64,
    /// The offset that this binding named.
    bound_offset: u64,
}

/// Why progress is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressError {
    /// It is of a new source while the partition has [`SOURCES_MAX`] live sources.
    TooManySources,
    /// It leaps, and nothing confirms it.
    TooFarAhead,
}

/// The settings and the record that progress is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordContext {
    /// Time step.
    pub step_ms: u64,
    /// Progress further ahead than this leaps.
    pub max_ahead_ms: u64,
    /// The log's own time of the record, where the log has one.
    pub timestamp_ms: Option<u64>,
}

impl RecordContext {
    /// A record with this time of the log, under the default settings.
    pub fn with_defaults(timestamp_ms: Option<i64>) -> Self {
        Self { step_ms: STEP_MS, max_ahead_ms: MAX_AHEAD_MS, timestamp_ms: timestamp_ms.map(|ms| ms.max(0) as u64) }
    }
}

impl PartitionFrontier {
    /// A frontier with these live sources, as it was published. It says nothing of the newest trade.
    pub fn at(frontier_ms: Option<u64>, sources: BTreeMap<String, u64>) -> Self {
        Self { sources, frontier_ms, ..Self::default() }
    }

    /// The frontier in event milliseconds; `None` before the first progress.
    #[inline]
    pub fn frontier_ms(&self) -> Option<u64> {
        self.frontier_ms
    }

    /// Names and progress of the live sources.
    pub fn sources(&self) -> impl Iterator<Item = (&str, u64)> {
        self.sources.iter().map(|(name, progress)| (name.as_str(), *progress))
    }

    /// A source reports progress: its on-time trades from here on have `event_ms` or more.
    pub fn progress(&mut self, source: &str, event_ms: u64, context: &RecordContext) -> Result<(), ProgressError> {
        let is_live = self.sources.contains_key(source);
        if !is_live && self.sources.len() >= SOURCES_MAX {
            return Err(ProgressError::TooManySources);
        }
        if self.leaps(source, event_ms, context) {
            self.leap = Some((source.to_owned(), event_ms));
            return Err(ProgressError::TooFarAhead);
        }
        self.take_progress(source, event_ms);
        Ok(())
    }

    fn take_progress(&mut self, source: &str, event_ms: u64) {
        self.leap = self.leap.take().filter(|(leaping, _)| leaping != source);
        let progress = self.sources.entry(source.to_owned()).or_insert(event_ms);
        *progress = event_ms.max(*progress);
        self.advance(self.sources.values().min().copied());
    }

    /// Whether progress is further ahead of everything known than one clock can be believed. The first progress of a
    /// partition, and the first after all its sources have left, has nothing to be compared with but the record's time.
    fn leaps(&self, source: &str, event_ms: u64, context: &RecordContext) -> bool {
        let known = match context.timestamp_ms {
            Some(timestamp_ms) => Some(timestamp_ms),
            None if self.sources.is_empty() => None,
            // Trades may be rare: without times of the log, what was believed before counts as known.
            None => self.sources.values().max().copied().max(self.frontier_ms),
        };
        let known = known.map(|ms| ms.max(self.newest_ms.unwrap_or(0)).max(self.announced_ms(source)));
        known.is_some_and(|known_ms| event_ms > known_ms.saturating_add(context.max_ahead_ms))
    }

    fn announced_ms(&self, source: &str) -> u64 {
        self.announced.get(source).copied().unwrap_or(0)
    }

    /// A source says that its progress will leap, up to this time.
    pub fn announce(&mut self, source: &str, to_ms: u64) {
        if self.announced.len() < SOURCES_MAX || self.announced.contains_key(source) {
            let announced = self.announced.entry(source.to_owned()).or_default();
            *announced = to_ms.max(*announced);
        }
    }

    /// Forgets a source's announcement.
    pub fn arrive(&mut self, source: &str) {
        self.announced.remove(source);
    }

    /// A trade with this event time is next: it confirms progress that leaps to about the same time.
    #[inline]
    pub fn confirm(&mut self, event_ms: u64, max_ahead_ms: u64) {
        if self.leap.is_some() {
            self.confirm_leap(event_ms, max_ahead_ms);
        }
    }

    #[cold]
    fn confirm_leap(&mut self, event_ms: u64, max_ahead_ms: u64) {
        if let Some((source, to_ms)) = self.leap.take_if(|(_, to_ms)| to_ms.abs_diff(event_ms) <= max_ahead_ms)
            && (self.sources.contains_key(&source) || self.sources.len() < SOURCES_MAX)
        {
            self.take_progress(&source, to_ms);
        }
    }

    /// A record, or a part of one, was given this time.
    #[inline]
    pub fn note(&mut self, time: Time) {
        self.time_max = self.time_max.max(Some(time));
    }

    /// Nothing more comes in this partition: the frontier follows the others. For a finished log in out-of-orderness
    /// mode.
    pub fn follow(&mut self, frontier_ms: u64) {
        self.advance(Some(frontier_ms));
    }

    /// The greatest time given to a record.
    pub fn time_max(&self) -> Option<Time> {
        self.time_max
    }

    /// A source leaves. When it was the last one, the frontier moves past every time given so far, by one time step.
    pub fn bye(&mut self, source: &str, step_ms: u64) {
        self.arrive(source);
        self.leap = self.leap.take().filter(|(leaping, _)| leaping != source);
        if self.sources.remove(source).is_some() {
            self.rest(step_ms);
        }
        self.advance(self.sources.values().min().copied());
    }

    /// Moves past every time given so far, by one time step, unless a source is live or there was none yet.
    pub fn rest(&mut self, step_ms: u64) {
        if self.sources.is_empty() && self.frontier_ms.is_some() {
            self.advance(self.time_max.map(|time| time + step_ms));
        }
    }

    /// A trade was accepted: in out-of-orderness mode it moves the frontier.
    #[inline]
    pub fn observe(&mut self, event_ms: u64, mode: ProgressMode) {
        if self.newest_ms.is_none_or(|newest_ms| newest_ms < event_ms) {
            self.newest_ms = Some(event_ms);
            if let ProgressMode::BoundedOutOfOrderness { max_out_of_orderness_ms } = mode {
                self.advance(Some(event_ms.saturating_sub(max_out_of_orderness_ms)));
            }
        }
    }

    /// A trade of this symbol was accepted, where leaps of trades have to be confirmed.
    #[inline]
    pub fn observe_symbol(&mut self, symbol: &str) {
        if !self.has_several_symbols {
            match &self.symbol {
                Some(known) => self.has_several_symbols = known != symbol,
                None => self.symbol = Some(symbol.to_owned()),
            }
        }
    }

    /// Whether trades of several symbols were accepted.
    pub fn has_several_symbols(&self) -> bool {
        self.has_several_symbols
    }

    /// The greatest event time of an accepted trade.
    pub fn newest_ms(&self) -> Option<u64> {
        self.newest_ms
    }

    /// A binding counts: what follows in this partition has its event time or a later one.
    pub fn bind(&mut self, binding: &Binding) {
        self.bound_by = self.bound_by.max(binding.place + 1);
        self.bound_offset = self.bound_offset.max(binding.offset);
        self.advance(Some(binding.event_ms));
    }

    /// The greatest offset that an applied binding named.
    pub fn bound_offset(&self) -> u64 {
        self.bound_offset
    }

    /// Offset in the progress log after the last binding applied.
    pub fn bound_by(&self) -> u64 {
        self.bound_by
    }

    fn advance(&mut self, to_ms: Option<u64>) {
        self.frontier_ms = self.frontier_ms.max(to_ms);
    }
}

/// Whether a progress time is valid: 1970 to 2100.
pub fn is_progress_time(event_ms: i64) -> bool {
    (0..EVENT_MS_END).contains(&event_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNDATED: RecordContext = RecordContext { step_ms: 10, max_ahead_ms: 100, timestamp_ms: None };

    #[test]
    fn slowest_source_holds_back_the_frontier() {
        let mut partition = PartitionFrontier::default();
        assert_eq!(partition.frontier_ms(), None);
        partition.bye("a", 10);
        assert_eq!(partition.frontier_ms(), None);
        partition.progress("a", 100, &UNDATED).unwrap();
        assert_eq!(partition.frontier_ms(), Some(100));
        partition.progress("b", 40, &UNDATED).unwrap();
        assert_eq!(partition.frontier_ms(), Some(100), "never back");
        partition.progress("a", 200, &UNDATED).unwrap();
        assert_eq!(partition.frontier_ms(), Some(100), "b holds it back");
        partition.progress("b", 150, &UNDATED).unwrap();
        assert_eq!(partition.frontier_ms(), Some(150));
        partition.progress("b", 20, &UNDATED).unwrap();
        partition.note(190);
        partition.bye("b", 10);
        assert_eq!(partition.frontier_ms(), Some(200));
        partition.note(230);
        partition.bye("c", 10);
        assert_eq!(partition.frontier_ms(), Some(200), "a source that is not live cannot leave");
        partition.bye("a", 10);
        assert_eq!(partition.frontier_ms(), Some(240), "past every time given");
        partition.bye("a", 10);
        assert_eq!(partition.frontier_ms(), Some(240));
    }

    #[test]
    fn a_leap_has_to_be_confirmed() {
        let mut partition = PartitionFrontier::default();
        partition.progress("a", 100, &UNDATED).unwrap();
        let ahead = Err(ProgressError::TooFarAhead);
        assert_eq!(partition.progress("a", 201, &UNDATED), ahead);
        assert_eq!(partition.progress("a", 200, &UNDATED), Ok(()), "exactly as far as one clock is believed");
        assert_eq!(partition.progress("a", 500, &UNDATED), ahead);
        partition.confirm(399, 100);
        assert_eq!(partition.frontier_ms(), Some(200), "a trade that is too far away confirms nothing");
        partition.confirm(400, 100);
        assert_eq!(partition.frontier_ms(), Some(500));
        partition.confirm(400, 100);
        partition.announce("a", 900);
        assert_eq!(partition.progress("a", 900, &UNDATED), Ok(()));
        let dated = |ms| RecordContext { timestamp_ms: Some(ms), ..UNDATED };
        assert_eq!(partition.progress("a", 2_000, &dated(1_899)), ahead, "the log's own time is known");
        assert_eq!(partition.progress("a", 2_000, &dated(1_900)), Ok(()));
        partition.bye("a", 10);
        assert_eq!(partition.progress("a", 9_000, &UNDATED), Ok(()), "nothing to compare it with");
    }

    #[test]
    fn sources_are_bounded() {
        let mut partition = PartitionFrontier::default();
        for n in 0..SOURCES_MAX {
            partition.progress(&n.to_string(), 5, &UNDATED).unwrap();
        }
        assert_eq!(partition.progress("one more", 5, &UNDATED), Err(ProgressError::TooManySources));
        assert_eq!(partition.progress("7", 6, &UNDATED), Ok(()));
    }

    #[test]
    fn out_of_orderness_follows_newest_trade() {
        let mode = ProgressMode::BoundedOutOfOrderness { max_out_of_orderness_ms: 10 };
        let mut partition = PartitionFrontier::default();
        for (event_ms, frontier_ms) in [(5, 0), (30, 20), (25, 20), (31, 21)] {
            partition.observe(event_ms, mode);
            assert_eq!(partition.frontier_ms(), Some(frontier_ms));
        }
    }
}
