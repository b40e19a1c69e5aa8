//! The result of the first pass: at each position of a partition, the earliest event time still to come.

use dataflows::progress::time::floor_step;

/// The progress records of one partition, in order.
///
/// Each applies from one trade on, up to that of the next, and is the earliest event time from there to the end. Only
/// those whose time step differs from the previous one are kept: at most 16 bytes per time step that has a trade.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    trades: u64,
    progress: Vec<Progress>,
}

/// A progress record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Number of trades of the partition that precede it.
    pub before: u64,
    /// No later trade is older than this, in milliseconds.
    pub event_ms: u64,
}

impl Plan {
    /// Adds the next trade in the order of the files.
    pub fn add(&mut self, event_ms: u64, step_ms: u64) {
        // Progress ascends. A trade replaces every record that it contradicts, and applies from the first of them on.
        let mut progress = Progress { before: self.trades, event_ms };
        let step = floor_step(event_ms, step_ms);
        while let Some(last) = self.progress.pop_if(|last| floor_step(last.event_ms, step_ms) >= step) {
            progress = Progress { before: last.before, event_ms: last.event_ms.min(event_ms) };
        }
        self.progress.push(progress);
        self.trades += 1;
    }

    /// The earliest event time of all; `None` without trades.
    pub fn least_ms(&self) -> Option<u64> {
        self.progress.first().map(|progress| progress.event_ms)
    }

    /// All progress records, ascending in both fields. The first precedes all trades.
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
        fn progress_is_the_earliest_time_to_come(times in collection::vec(0_u64..50, 0..60), step_ms in 1_u64..8) {
            let mut plan = Plan::default();
            times.iter().for_each(|time| plan.add(*time, step_ms));
            assert_eq!(plan.trades(), times.len() as u64);
            assert_eq!(plan.least_ms(), times.iter().min().copied());
            // From scratch: search from every position to the end, and keep what moves by a time step.
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
