//! A job that is killed every few seconds while it catches up comes to the end all the same, and soon.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use simulation::catch_up::catch_up;

/// Time between two kills, in milliseconds of the simulated clock.
const KILL_EVERY_MS: u64 = 600;

#[test]
fn a_job_that_is_killed_every_few_seconds_catches_up() {
    for workers in [1, 3] {
        let undisturbed = catch_up(workers, None).unwrap_or_else(|what| panic!("{workers} workers: {what}"));
        let killed = catch_up(workers, Some(KILL_EVERY_MS)).unwrap_or_else(|what| panic!("{workers} workers: {what}"));
        assert!(undisturbed.frontiers.len() > 20, "the backlog became durable in {:?}", undisturbed.frontiers);
        assert!(killed.kills > 3, "it was killed {} times", killed.kills);
        assert_eq!(killed.idle_lives, 0, "lives of {} in which nothing became durable", killed.kills);
        // What a kill costs: a start that finds again what was published, up to the last checkpoint's age.
        assert!(
            killed.passed_ms < 3 * undisturbed.passed_ms,
            "{} ms, and {} ms undisturbed",
            killed.passed_ms,
            undisturbed.passed_ms
        );
    }
}
