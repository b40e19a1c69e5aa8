//! State of the pipeline between two reads of the store.

use dataflows::progress::time::Time;

use crate::pipeline_state::{Facts, PipelineState};
use crate::store::Heartbeat;

/// How long a read of the store may take before the store counts as down.
const READ_MAX_MS: u64 = 15_000;

/// The last facts read from the store.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// The durable frontier.
    pub frontier_ms: Option<Time>,
    /// The worker's last heartbeat.
    pub heartbeat: Option<Heartbeat>,
    /// When the store was last read.
    pub read_ms: u64,
    /// Why it cannot be read, and since when.
    pub failure: Option<(String, u64)>,
}

impl Condition {
    /// The state of the pipeline now.
    pub fn state(&self, now_ms: u64) -> PipelineState {
        if let Some((why, since_ms)) = &self.failure {
            return PipelineState::store_down(why, *since_ms);
        }
        if now_ms.saturating_sub(self.read_ms) > READ_MAX_MS {
            return PipelineState::store_down("it does not answer", self.read_ms);
        }
        let heartbeat = self.heartbeat.as_ref();
        PipelineState::judge(&Facts { frontier_ms: self.frontier_ms, heartbeat, now_ms })
    }

    /// A read has failed.
    pub fn fail(&mut self, why: &str, now_ms: u64) {
        let since_ms = self.failure.take().map_or(now_ms, |(_, since_ms)| since_ms);
        self.failure = Some((why.to_owned(), since_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline_state::State;

    #[test]
    fn a_store_that_fails_or_hangs_is_down() {
        let mut condition = Condition { read_ms: 1_000, ..Condition::default() };
        let of = |condition: &Condition, now_ms| (condition.state(now_ms).state, condition.state(now_ms).since_ms);
        assert_eq!(of(&condition, 1_500), (State::NothingYet, None));
        assert_eq!(of(&condition, 1_001 + READ_MAX_MS), (State::StoreDown, Some(1_000)));
        condition.fail("gone", 2_000);
        condition.fail("gone", 3_000);
        assert_eq!(of(&condition, 3_000), (State::StoreDown, Some(2_000)));
    }
}
