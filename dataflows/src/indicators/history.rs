//! One symbol's candles for the indicators: append, amend the last, correct an old one, fold those that cannot
//! change.
//!
//! Points are kept for the longest window before the oldest candle that a late trade may still reach. A correction runs
//! from the nearest of the [`Anchors`].

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::compact::deque::RecordDeque;
use crate::indicators::anchors::{Anchor, Anchors};
use crate::indicators::chain::{Chain, Point, WINDOW_MAX};
use crate::output::row::IndicatorValues;
use crate::progress::time::{Resolution, Time};

/// A changed row of indicators: its values at the last time step, and now.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// Start of its window.
    pub window_start_ms: u64,
    /// Values and `as_of` before; `None` for a new row.
    pub old: Option<(IndicatorValues, Time)>,
    /// Values and `as_of` now.
    pub new: (IndicatorValues, Time),
}

/// The points of one symbol, numbered from its first candle ever.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct History {
    /// All but the newest.
    older: RecordDeque<Point>,
    newest: Option<Point>,
    /// Ascending; the first is before every point that may change.
    anchors: Anchors,
    /// The chain before the newest point, and after it.
    before_last: Chain,
    last: Chain,
}

impl History {
    /// Applies the changed and new candles of one time step, ascending. Reports every row that changes
    /// with them.
    ///
    /// Windows that end at or before `fixed_ms` never change again.
    #[inline]
    pub fn update(&mut self, touched: &[Point], now: Time, fixed_ms: u64, mut changed: impl FnMut(Change)) {
        match (touched, self.newest.map(|p| p.window_start_ms)) {
            ([], _) => {}
            ([point], None) => self.append(*point, now, fixed_ms, changed),
            ([point], Some(last)) if point.window_start_ms > last => self.append(*point, now, fixed_ms, changed),
            ([point], Some(last)) if point.window_start_ms == last => self.amend(*point, now, changed),
            _ => self.correct(touched, now, fixed_ms, &mut changed),
        }
    }

    /// The common case: a new candle after all others.
    #[inline]
    fn append(&mut self, point: Point, now: Time, fixed_ms: u64, mut changed: impl FnMut(Change)) {
        if let Some(newest) = self.newest.take() {
            self.older.push_back(&newest);
        }
        let number = self.older.end();
        self.before_last = self.last;
        self.anchor(number, fixed_ms);
        let mut point = Point { as_of: now, ..point };
        self.push(&mut point);
        changed(Change { window_start_ms: point.window_start_ms, old: None, new: (self.last.values, now) });
    }

    /// The other common case: the newest candle got more trades.
    #[inline]
    fn amend(&mut self, point: Point, now: Time, mut changed: impl FnMut(Change)) {
        let Some(newest) = &self.newest else { return };
        let old = (self.last.values, newest.as_of);
        let mut point = Point { as_of: old.1, ..point };
        self.last = self.before_last;
        self.push(&mut point);
        if let Some(newest) = self.newest.as_mut().filter(|_| self.last.values != old.0) {
            newest.as_of = now;
            changed(Change { window_start_ms: point.window_start_ms, old: Some(old), new: (self.last.values, now) });
        }
    }

    /// Makes a point the newest.
    #[inline]
    fn push(&mut self, point: &mut Point) {
        let older = &self.older;
        self.last.push(point, |n| older.get(older.len() - n));
        self.newest = Some(*point);
    }

    /// A late trade reached an old candle, or made one: the chain is run again from the nearest anchor, once over the
    /// points as they were and once as they are now, and the rows that differ are reported.
    fn correct(&mut self, touched: &[Point], now: Time, fixed_ms: u64, changed: &mut impl FnMut(Change)) {
        let from_ms = touched[0].window_start_ms;
        let first = self.older.first();
        let anchor = self.anchors.before(self.older.position(from_ms) as u64 + first);
        let anchor = anchor.unwrap_or(Anchor { before: first, chain: Chain::default() });
        let at = (anchor.before - first) as usize;
        // The chain needs the points before those that it runs over.
        let from = at.saturating_sub(WINDOW_MAX as usize);
        let skipped = at - from;

        let points = (from..self.older.len()).map(|at| self.older.get(at));
        let mut old_points: Vec<Point> = points.chain(self.newest).collect();
        let mut new_points = old_points.clone();
        splice(&mut new_points, touched);
        let mut old_rows = VecDeque::with_capacity(old_points.len() - skipped);
        let mut chain = anchor.chain;
        for old_at in skipped..old_points.len() {
            push_at(&mut chain, &mut old_points, old_at);
            old_rows.push_back((old_points[old_at].window_start_ms, chain.values, old_points[old_at].as_of));
        }

        self.anchors.remove_after(anchor.before);
        let mut chain = anchor.chain;
        for new_at in skipped..new_points.len() {
            let number = first + (from + new_at) as u64;
            if number > anchor.before && Anchors::is_due(number) {
                self.anchors.push(Anchor { before: number, chain });
            }
            self.before_last = chain;
            push_at(&mut chain, &mut new_points, new_at);
            let point = &mut new_points[new_at];
            let old = old_rows.pop_front_if(|row| row.0 == point.window_start_ms).map(|row| (row.1, row.2));
            point.as_of = old.filter(|old| old.0 == chain.values).map_or(now, |old| old.1);
            if old.is_none_or(|old| old.0 != chain.values) {
                changed(Change { window_start_ms: point.window_start_ms, old, new: (chain.values, now) });
            }
        }
        self.last = chain;
        self.newest = new_points.pop();
        self.older.truncate(at);
        new_points[skipped..].iter().for_each(|point| self.older.push_back(point));
        self.fold(fixed_ms);
    }

    /// The rows whose windows start at this time or later, ascending: start of the window, values and `as_of`. Those
    /// that a correction cannot reach any more are missing.
    pub fn rows(&self, from_ms: u64) -> Vec<(u64, IndicatorValues, Time)> {
        let first = self.older.first();
        let wanted = self.anchors.before(self.older.position(from_ms) as u64 + first);
        let anchor = match wanted.or_else(|| self.anchors.first().copied().filter(|_| first > 0)) {
            Some(anchor) => anchor,
            // As long as nothing was dropped, the chain begins with the first point.
            None => Anchor { before: first, chain: Chain::default() },
        };
        let mut points: Vec<Point> = (0..self.older.len()).map(|at| self.older.get(at)).chain(self.newest).collect();
        let (mut chain, mut rows) = (anchor.chain, Vec::new());
        for at in (anchor.before - first) as usize..points.len() {
            push_at(&mut chain, &mut points, at);
            rows.push((points[at].window_start_ms, chain.values, points[at].as_of));
        }
        rows.retain(|row| row.0 >= from_ms);
        rows
    }

    /// Before the point with this number is appended: sets an anchor when one is due, and folds.
    #[inline]
    fn anchor(&mut self, number: u64, fixed_ms: u64) {
        if Anchors::is_due(number) {
            self.anchors.push(Anchor { before: number, chain: self.last });
            self.fold(fixed_ms);
        }
    }

    /// Drops what no correction or window can need: anchors before the last one that precedes changeable points, and
    /// points further back from it than the longest window.
    pub fn fold(&mut self, fixed_ms: u64) {
        let is_fixed = |p: &Point| p.window_start_ms + Resolution::S5.length_ms() <= fixed_ms;
        let newest = self.newest.as_ref().is_some_and(is_fixed);
        // A window is fixed when it starts before this.
        let fixed_from_ms = (fixed_ms + 1).saturating_sub(Resolution::S5.length_ms());
        let fixed = self.older.first() + self.older.position(fixed_from_ms) as u64 + u64::from(newest);
        self.anchors.remove_fixed(fixed);
        let Some(anchor) = self.anchors.first() else { return };
        let keep_from = anchor.before.saturating_sub(WINDOW_MAX);
        while self.older.first() < keep_from {
            self.older.pop_front();
        }
    }

    /// It is saved as it is now: what is encoded next are the changes from here on.
    pub fn mark_saved(&mut self) {
        self.older.mark_saved();
        self.anchors.mark_saved();
    }

    /// Nothing is saved: all of it is encoded next.
    pub const fn mark_unsaved(&mut self) {
        self.older.mark_unsaved();
        self.anchors.mark_unsaved();
    }

    /// Makes a decoded part whole: `before` is what was saved before it. Returns whether the two fit together.
    pub fn continue_from(&mut self, before: Self) -> bool {
        self.older.continue_from(before.older) & self.anchors.continue_from(before.anchors)
    }

    /// Whether it is whole, and one that a program can come to: the next trade relies on it.
    pub fn is_consistent(&self) -> bool {
        let (first, end) = (self.older.first(), self.older.end());
        let points = end + u64::from(self.newest.is_some());
        self.older.is_whole()
            && self.anchors.are_consistent(first, end)
            && self.older.is_before(self.newest.as_ref().map(|newest| newest.window_start_ms))
            && (self.newest.is_some() || points == 0)
            && first <= end.saturating_sub(WINDOW_MAX)
            && self.last.values.candles == points
            && (points == 0 || self.before_last.values.candles == end)
    }
}

/// Advances the chain to `points[at]`.
#[inline]
fn push_at(chain: &mut Chain, points: &mut [Point], at: usize) {
    let (before, rest) = points.split_at_mut(at);
    chain.push(&mut rest[0], |n| before[at - n]);
}

/// Merges the touched candles into the points.
fn splice(points: &mut Vec<Point>, touched: &[Point]) {
    for point in touched {
        let at = points.partition_point(|p| p.window_start_ms < point.window_start_ms);
        match points.get_mut(at) {
            Some(p) if p.window_start_ms == point.window_start_ms => *p = Point { as_of: p.as_of, ..*point },
            _ => points.insert(at, *point),
        }
    }
}
