//! The newest epoch of a store: who may write, and since when.

/// How long an opened epoch may take until its first heartbeat: it loads a checkpoint first.
const STARTING_MS: u64 = 60_000;

/// The newest epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewestEpoch {
    /// Its number.
    pub epoch: u64,
    /// When it was opened, in Unix milliseconds by the clock of its process.
    pub opened_ms: u64,
    /// Whether it has written a heartbeat.
    pub has_beaten: bool,
}

impl NewestEpoch {
    /// Whether its worker may still be starting: it has given no sign of life, and was opened a moment ago.
    pub const fn is_starting(&self, now_ms: u64) -> bool {
        !self.has_beaten && now_ms.saturating_sub(self.opened_ms) <= STARTING_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_starting_until_its_first_heartbeat() {
        let opened = NewestEpoch { epoch: 3, opened_ms: 1_000, has_beaten: false };
        assert!(opened.is_starting(1_000 + STARTING_MS) && !opened.is_starting(1_001 + STARTING_MS));
        assert!(opened.is_starting(0), "a clock that is behind");
        assert!(!NewestEpoch { has_beaten: true, ..opened }.is_starting(1_000));
    }
}
