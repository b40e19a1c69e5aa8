//! When a checkpoint is due.

use std::time::{Duration, Instant};

use dataflows::progress::time::{Resolution, Time};

/// The first one comes after this part of an interval: a pipeline that is killed again and again must go forward.
const FIRST_AFTER: u32 = 6;

/// The first worker's checkpoint schedule.
pub(in crate::worker) struct Schedule {
    every: Duration,
    next: Instant,
    /// The last checkpoint requested.
    requested: Time,
}

impl Schedule {
    /// The first checkpoint is due after a part of an interval.
    pub(in crate::worker) fn new(every: Duration, now: Instant) -> Self {
        Self { every, next: now + every / FIRST_AFTER, requested: 0 }
    }

    /// Whether a checkpoint as of this time was requested.
    pub(in crate::worker) fn has_requested(&self, time: Time) -> bool {
        self.requested == time
    }

    /// The time of the checkpoint that is due now: as of the next window after `frontier`. There is one at a time, so
    /// that they do not pile up while the store is unavailable.
    pub(in crate::worker) fn due(
        &mut self,
        now: Instant,
        frontier: Option<Time>,
        committed: Time,
        is_taken: impl Fn(Time) -> bool,
    ) -> Option<Time> {
        if self.requested > committed || now < self.next {
            return None;
        }
        let frontier = frontier.filter(|&frontier| frontier > 0)?;
        self.next = now + self.every;
        let time = Resolution::S5.window_start_ms(frontier) + Resolution::S5.length_ms();
        if is_taken(time) {
            return None;
        }
        self.requested = time;
        Some(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_checkpoint_at_a_time() {
        const EVERY: Duration = Duration::from_secs(30);
        let mut schedule = Schedule::new(EVERY, Instant::now());
        let start = schedule.next;
        let never = |_| false;
        assert_eq!(schedule.due(start - EVERY / 2, Some(70_000), 0, never), None, "it is not due yet");
        assert_eq!(schedule.due(start, None, 0, never), None, "there is no frontier");
        assert_eq!(schedule.due(start, Some(0), 0, never), None, "there is no frontier");
        assert_eq!(schedule.due(start, Some(70_000), 0, never), Some(75_000));
        assert_eq!(schedule.due(start + EVERY, Some(150_000), 0, never), None, "the last one is not committed");
        assert_eq!(schedule.due(start + EVERY, Some(150_000), 120_000, |time| time == 155_000), None, "it is a stop");
        assert_eq!(schedule.due(start + EVERY * 3, Some(180_000), 120_000, never), Some(185_000));
    }
}
