//! The clock of a log that is played: event time, moved by wall time at a chosen speed, in steps, or not at all.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use dataflows::progress::time::Time;
use serde::Serialize;

/// Range of speeds: event time per wall time.
pub const SPEEDS: std::ops::RangeInclusive<f64> = 0.01..=100_000.0;

/// The clock. It stands at its start until everything before that was read, however long that takes.
#[derive(Debug)]
pub struct PlayClock {
    state: Mutex<State>,
    partitions: usize,
    step_ms: u64,
}

#[derive(Debug)]
struct State {
    /// Event time at `since`.
    at_ms: Time,
    since: Instant,
    speed: f64,
    is_paused: bool,
    has_started: bool,
    has_ended: bool,
    /// What each partition waits for; `None` at its end. Absent while it is read at full speed.
    waiting: BTreeMap<u32, Option<Time>>,
}

/// What viewers see of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PlayView {
    /// Event time up to which records are given.
    pub time_ms: Time,
    /// Event time per wall time.
    pub speed: f64,
    /// Whether it stands until it is resumed or stepped.
    pub is_paused: bool,
    /// Whether everything before the start was read; the clock moves only then.
    pub has_started: bool,
    /// Whether the end was reached.
    pub has_ended: bool,
}

impl PlayClock {
    /// A clock for that many partitions, which stands at `from_ms` until all of them were read up to there.
    pub fn new(from_ms: Time, speed: f64, partitions: u32, step_ms: u64) -> Self {
        let (is_paused, has_started, has_ended) = (false, false, false);
        let waiting = BTreeMap::new();
        let since = Instant::now();
        let state = State { at_ms: from_ms, since, speed, is_paused, has_started, has_ended, waiting };
        Self { state: Mutex::new(state), partitions: partitions as usize, step_ms }
    }

    /// The event time now.
    pub fn now_ms(&self) -> Time {
        self.lock().now_ms()
    }

    /// What viewers see.
    pub fn view(&self) -> PlayView {
        let state = self.lock();
        let State { speed, is_paused, has_started, has_ended, .. } = *state;
        PlayView { time_ms: state.now_ms(), speed, is_paused, has_started, has_ended }
    }

    /// Stops the clock.
    pub fn pause(&self) {
        let mut state = self.lock();
        state.settle();
        state.is_paused = true;
    }

    /// Lets it go on.
    pub fn resume(&self) {
        let mut state = self.lock();
        state.settle();
        state.is_paused = false;
    }

    /// Stops it one time step later, or where the next record is, if that is further.
    pub fn step(&self) {
        let mut state = self.lock();
        state.settle();
        state.is_paused = true;
        if state.has_started {
            let floor = |ms: Time| ms - ms % self.step_ms;
            let next = state.waiting.values().flatten().min().map_or(0, |next| floor(next.saturating_sub(1)));
            state.at_ms = floor(state.at_ms).max(next) + self.step_ms;
        }
    }

    /// Changes the speed. Returns whether it is one.
    pub fn set_speed(&self, speed: f64) -> bool {
        if !SPEEDS.contains(&speed) {
            return false;
        }
        let mut state = self.lock();
        state.settle();
        state.speed = speed;
        true
    }

    /// Stops it for good: the end was reached.
    pub fn end(&self) {
        let mut state = self.lock();
        state.settle();
        state.has_ended = true;
    }

    /// Notes what a partition waits for. When all were read up to the start, the clock begins to move.
    pub(super) fn wait(&self, partition: u32, until_ms: Option<Time>) {
        let mut state = self.lock();
        state.waiting.insert(partition, until_ms);
        if !state.has_started && state.waiting.len() == self.partitions {
            state.has_started = true;
            state.since = Instant::now();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn now_ms(&self) -> Time {
        if self.is_paused || !self.has_started || self.has_ended {
            return self.at_ms;
        }
        let passed_ms = self.since.elapsed().as_secs_f64() * 1e3 * self.speed;
        self.at_ms.saturating_add(passed_ms as u64)
    }

    /// From here on time passes by other rules.
    fn settle(&mut self) {
        (self.at_ms, self.since) = (self.now_ms(), Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(speed: f64) -> PlayClock {
        let clock = PlayClock::new(70_000, speed, 1, 1_000);
        clock.wait(0, None);
        clock
    }

    #[test]
    fn it_stands_until_all_partitions_wait() {
        let clock = PlayClock::new(70_000, 100_000.0, 2, 1_000);
        clock.wait(1, None);
        std::thread::sleep(std::time::Duration::from_millis(5));
        clock.step();
        clock.resume();
        assert_eq!((clock.now_ms(), clock.view().has_started), (70_000, false));
        clock.wait(0, Some(80_000));
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert!(clock.now_ms() >= 70_000 + 500_000, "5 ms at this speed");
    }

    #[test]
    fn a_paused_clock_moves_in_steps() {
        let clock = started(100_000.0);
        clock.pause();
        let at = clock.now_ms();
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert_eq!(clock.now_ms(), at);
        clock.step();
        assert_eq!(clock.now_ms(), at - at % 1_000 + 1_000);
        let far = clock.now_ms() + 3_600_500;
        clock.wait(0, Some(far));
        clock.step();
        assert_eq!(clock.now_ms(), far - far % 1_000 + 1_000, "nothing comes before");
        clock.resume();
        clock.end();
        let at = clock.now_ms();
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert_eq!((clock.now_ms(), clock.view().has_ended), (at, true));
    }

    #[test]
    fn the_speed_changes_from_now_on() {
        let clock = started(0.01);
        assert!(clock.now_ms() < 70_100);
        for wrong in [0.0, -1.0, 1e6, f64::NAN, f64::INFINITY] {
            assert!(!clock.set_speed(wrong), "{wrong}");
        }
        assert!(clock.set_speed(100_000.0));
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert!((70_000 + 500_000..70_000 + 100_000_000).contains(&clock.now_ms()));
    }
}
