//! Concurrency limit of requests in flight: grows while requests succeed, halves when a node is slow or overloaded.
//!
//! It depends only on the order of answers, and affects only speed.

/// Initial limit.
const START: u64 = 64;
/// Maximum limit: larger ones were never faster.
const MOST: u64 = 512;

/// The limit and its history.
#[derive(Debug)]
pub struct ConcurrencyLimit {
    limit: u64,
    /// Successes since the limit last grew.
    good: u64,
    /// Requests started so far.
    started: u64,
    /// Last request that was started under an older, larger limit.
    halved_at: u64,
}

impl Default for ConcurrencyLimit {
    fn default() -> Self {
        Self { limit: START, good: 0, started: 0, halved_at: 0 }
    }
}

impl ConcurrencyLimit {
    /// Current limit.
    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    /// Registers a request and returns its number.
    pub fn start(&mut self) -> u64 {
        self.started += 1;
        self.started
    }

    /// Registers a success.
    pub fn succeed(&mut self) {
        self.good += 1;
        if self.good >= self.limit {
            self.good = 0;
            self.limit = (self.limit + 8).min(MOST);
        }
    }

    /// Registers a timeout or overload. Many fail together; the limit halves once for all of them.
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
    fn limit_grows_slowly_and_halves_once_per_overload() {
        let mut limiter = ConcurrencyLimit::default();
        let sent: Vec<u64> = (0..START).map(|_| limiter.start()).collect();
        sent.iter().for_each(|_| limiter.succeed());
        assert_eq!(limiter.limit(), START as usize + 8);
        let sent: Vec<u64> = (0..limiter.limit()).map(|_| limiter.start()).collect();
        sent.iter().for_each(|number| limiter.fail(*number));
        assert_eq!(limiter.limit(), (START as usize + 8) / 2, "one overload, one halving");
        for _ in 0..99 {
            let number = limiter.start();
            limiter.fail(number);
        }
        assert_eq!(limiter.limit(), 1, "it never stops");
        for _ in 0..1_000_000 {
            limiter.start();
            limiter.succeed();
        }
        assert_eq!(limiter.limit(), MOST as usize);
    }
}
