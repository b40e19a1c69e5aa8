//! What the first pass learns: at every place of a partition, the least event time that is still to come there.

use dataflows::progress::time::floor_step;

/// The promises of one partition, in the order in which they are made.
///
/// A promise holds from one trade on, up to that of the next promise, and is the least event time from there to the
/// end. Kept are only those whose time step differs from the one before: 16 bytes for each time step that has a trade, at most.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    trades: u64,
    progress: Vec<Progress>,
}

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The trade before which it is made, counted from 0 in the partition.
    pub before: u64,
    /// No trade from there on is older, in milliseconds.
    pub event_ms: u64,
}

impl Plan {
    /// Takes the next trade in the order of the files.
    pub fn add(&mut self, event_ms: u64, step_ms: u64) {
        // Promises ascend. A trade takes the place of all that it breaks, and holds from where they held.
        let mut progress = Progress { before: self.trades, event_ms };
        let tick = floor_step(event_ms, step_ms);
        while let Some(last) = self.progress.pop_if(|last| floor_step(last.event_ms, step_ms) >= tick) {
            progress = Progress { before: last.before, event_ms: last.event_ms.min(event_ms) };
        }
        self.progress.push(progress);
        self.trades += 1;
    }

    /// The least event time of all; `None` when there is no trade.
    pub fn least_ms(&self) -> Option<u64> {
        self.progress.first().map(|progress| progress.event_ms)
    }

    /// All promises, ascending in both fields. The first is made before the first trade.
    pub fn progress(&self) -> &[Progress] {
        &self.progress
    }

    /// Number of trades.
    pub fn trades(&self) -> u64 {
        self.trades
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection, proptest};

    use super::*;

    proptest! {
        #[test]
        fn a_progress_is_the_least_that_is_to_come(times in collection::vec(0_u64..50, 0..60), step_ms in 1_u64..8) {
            let mut plan = Plan::default();
            times.iter().for_each(|time| plan.add(*time, step_ms));
            assert_eq!(plan.trades(), times.len() as u64);
            assert_eq!(plan.least_ms(), times.iter().min().copied());
            // From scratch: look ahead from every place, and keep what moves by a time step.
            let mut wanted: Vec<Progress> = Vec::new();
            for before in 0..times.len() {
                let event_ms = *times[before..].iter().min().unwrap();
                if wanted.last().is_none_or(|last| last.event_ms / step_ms < event_ms / step_ms) {
                    wanted.push(Progress { before: before as u64, event_ms });
                }
            }
            assert_eq!(plan.progress(), wanted);
        }
    }
}
