//! How many requests may be in flight: a bound that grows by one a round and halves when a node is slow or overloaded.
//!
//! Only integers and the order of answers decide it, and it decides nothing but speed.

/// Requests in flight at the start.
const START: u64 = 64;
/// More than this never helped.
const MOST: u64 = 512;

/// The bound, and what it has learnt.
#[derive(Debug)]
pub struct ConcurrencyLimit {
    limit: u64,
    /// Answers since the limit last grew.
    good: u64,
    /// Requests started so far.
    started: u64,
    /// Requests that were started before this one were sent under an older, larger limit.
    halved_at: u64,
}

impl Default for ConcurrencyLimit {
    fn default() -> Self {
        Self { limit: START, good: 0, started: 0, halved_at: 0 }
    }
}

impl ConcurrencyLimit {
    /// Requests that may be in flight now.
    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    /// A request is sent: returns its number.
    pub fn start(&mut self) -> u64 {
        self.started += 1;
        self.started
    }

    /// It was answered.
    pub fn succeed(&mut self) {
        self.good += 1;
        if self.good >= self.limit {
            self.good = 0;
            self.limit = (self.limit + 8).min(MOST);
        }
    }

    /// It was not, for want of time or room. Many fail together; the limit halves once for all of them.
    pub fn fail(&mut self, number: u64) {
        if number > self.halved_at {
            self.limit = (self.limit / 2).max(1);
            self.good = 0;
            self.halved_at = self.started;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_grows_slowly_and_halves_once_a_round() {
        let mut window = ConcurrencyLimit::default();
        let sent: Vec<u64> = (0..START).map(|_| window.start()).collect();
        sent.iter().for_each(|_| window.succeed());
        assert_eq!(window.limit(), START as usize + 8);
        let sent: Vec<u64> = (0..window.limit()).map(|_| window.start()).collect();
        sent.iter().for_each(|number| window.fail(*number));
        assert_eq!(window.limit(), (START as usize + 8) / 2, "one overload, one halving");
        for _ in 0..99 {
            let number = window.start();
            window.fail(number);
        }
        assert_eq!(window.limit(), 1, "it never stops");
        for _ in 0..1_000_000 {
            window.start();
            window.succeed();
        }
        assert_eq!(window.limit(), MOST as usize);
    }
}
