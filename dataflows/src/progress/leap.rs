//! Leaps of trades, where no source reports progress: a trade far ahead of its partition counts only when the next
//! trades confirm it, so that one wrong clock cannot make all others late. `docs/definitions.md`, section 3.

/// Trades that confirm a leap, itself included.
const CONFIRMING_TRADES: usize = 3;
/// As many in a row confirm a leap even when all are of one symbol and the partition has several.
const WAITING_MAX: usize = 1024;

/// A trade that may leap, as its event time and symbol.
pub trait Leaping {
    /// Event time.
    fn event_ms(&self) -> u64;
    /// Symbol.
    fn symbol(&self) -> &str;
}

/// Verdict on a trade and on those that wait.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// Accept the trade at hand.
    Accept,
    /// The trade at hand leaps: keep it with [`Leaps::wait`].
    Wait,
    /// Accept these, in order, then ask again about the trade at hand.
    Confirmed(Vec<T>),
    /// Reject these, then ask again about the trade at hand.
    Refuted(Vec<T>),
}

/// The trades of one partition that wait to be confirmed.
#[derive(Debug)]
pub struct Leaps<T> {
    waiting: Vec<T>,
    max_ahead_ms: u64,
}

impl<T: Leaping> Leaps<T> {
    /// None waits. Trades further ahead than `max_ahead_ms` leap.
    pub fn new(max_ahead_ms: u64) -> Self {
        Self { waiting: Vec::new(), max_ahead_ms }
    }

    /// Number of trades that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no trade waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The oldest trade that waits.
    pub fn first(&self) -> Option<&T> {
        self.waiting.first()
    }

    /// The newest trade that waits.
    pub fn last(&self) -> Option<&T> {
        self.waiting.last()
    }

    /// What to do next with a trade of this time. `frontier_ms` is what it may be ahead of; without one, only the
    /// trades after it can show whether its clock is right. The log's own time of its record cannot: many producers
    /// write the event time there.
    pub fn next(&mut self, frontier_ms: Option<u64>, event_ms: u64) -> Verdict<T> {
        let is_leap = frontier_ms.is_none_or(|ms| event_ms > ms.saturating_add(self.max_ahead_ms));
        let Some(first_ms) = self.waiting.first().map(Leaping::event_ms) else {
            return if is_leap { Verdict::Wait } else { Verdict::Accept };
        };
        let agrees = event_ms.abs_diff(first_ms) <= self.max_ahead_ms;
        // A first trade that is older than all others does no harm.
        if (agrees && !is_leap) || (!agrees && frontier_ms.is_none() && first_ms < event_ms) {
            Verdict::Confirmed(std::mem::take(&mut self.waiting))
        } else if agrees {
            Verdict::Wait
        } else {
            Verdict::Refuted(std::mem::take(&mut self.waiting))
        }
    }

    /// Keeps a trade that leaps. Returns all that wait, in order, when they confirm each other: three of them, of more
    /// than one symbol where the partition has `several`.
    pub fn wait(&mut self, trade: T, several: bool) -> Vec<T> {
        self.waiting.push(trade);
        let first = self.waiting.first().map(Leaping::symbol);
        let is_enough = !several || self.waiting.iter().any(|trade| Some(trade.symbol()) != first);
        if (self.waiting.len() >= CONFIRMING_TRADES && is_enough) || self.waiting.len() >= WAITING_MAX {
            return std::mem::take(&mut self.waiting);
        }
        Vec::new()
    }

    /// Whether a trade is not far from this time.
    pub fn agrees(&self, trade: &T, event_ms: u64) -> bool {
        trade.event_ms().abs_diff(event_ms) <= self.max_ahead_ms
    }

    /// The log has ended: those that wait are accepted when there was nothing before them, else rejected.
    pub fn end(&mut self, frontier_ms: Option<u64>) -> Verdict<T> {
        let waiting = std::mem::take(&mut self.waiting);
        if frontier_ms.is_none() { Verdict::Confirmed(waiting) } else { Verdict::Refuted(waiting) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Leaping for (u64, &str) {
        fn event_ms(&self) -> u64 {
            self.0
        }

        fn symbol(&self) -> &str {
            self.1
        }
    }

    #[test]
    fn a_leap_needs_three_trades_of_two_symbols() {
        let mut leaps = Leaps::new(100);
        assert_eq!(leaps.next(Some(50), 150), Verdict::Accept);
        for n in 0..4 {
            assert_eq!(leaps.next(Some(50), 500 + n), Verdict::Wait);
            assert!(leaps.wait((500 + n, "a"), true).is_empty());
        }
        assert_eq!(leaps.next(Some(50), 400), Verdict::Wait);
        assert_eq!(leaps.wait((400, "b"), true).len(), 5);
        for n in 0..2 {
            assert!(leaps.wait((500 + n, "a"), false).is_empty());
        }
        assert_eq!(leaps.wait((502, "a"), false).len(), 3, "one symbol is enough where there is one");
    }

    #[test]
    fn others_refute_a_leap() {
        let mut leaps = Leaps::new(100);
        leaps.wait((500, "a"), false);
        assert_eq!(leaps.next(Some(50), 60), Verdict::Refuted(vec![(500, "a")]));
        leaps.wait((500, "a"), false);
        assert_eq!(leaps.next(Some(50), 900), Verdict::Refuted(vec![(500, "a")]), "another leap");
        leaps.wait((160, "a"), false);
        assert_eq!(leaps.next(Some(50), 150), Verdict::Confirmed(vec![(160, "a")]), "they agree");
        leaps.wait((500, "a"), false);
        assert_eq!(leaps.end(Some(50)), Verdict::Refuted(vec![(500, "a")]));
    }

    #[test]
    fn the_first_trades_confirm_each_other() {
        let mut leaps = Leaps::new(100);
        assert_eq!(leaps.next(None, 500), Verdict::Wait);
        leaps.wait((500, "a"), false);
        assert_eq!(leaps.next(None, 100), Verdict::Refuted(vec![(500, "a")]), "a first one far ahead");
        leaps.wait((100, "a"), false);
        assert_eq!(leaps.next(None, 500), Verdict::Confirmed(vec![(100, "a")]), "a first one far behind");
        leaps.wait((100, "a"), false);
        assert_eq!(leaps.end(None), Verdict::Confirmed(vec![(100, "a")]));
    }
}
