//! `tickline verify --rows` agrees with every store that a run has left, in its middle and at its end, and finds
//! whatever is changed in it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use simulation::run::{faults, to_the_end};
use simulation::scenario::{Scenario, of_seed, scenarios};
use simulation::verified::{tamper, verify_rows};
use simulation::world::{Stopped, World};
use tickline::log::LogError;

const SEEDS: std::ops::Range<u64> = 1..120;
const CHANGES: usize = 2;

/// Checks the store as it is now. Returns how many changes were found.
fn check(seed: u64, world: &World<'_>, rng: &mut fastrand::Rng) -> usize {
    let contents = world.store().contents();
    if contents.complete() == 0 {
        return 0;
    }
    let directory = tempfile::tempdir().unwrap();
    if let Err(error) = verify_rows(world, &contents, &directory.path().join("right.sqlite")) {
        // Without progress records it says that nothing can be compared once the log's beginning is gone.
        let is_undecided = matches!(error.downcast_ref(), Some(LogError::OffsetLost { .. }));
        assert!(is_undecided && world.has_expired(), "seed {seed}: {error:#}");
    }
    // Of rows from before the log's beginning not all is known.
    let changes = if world.has_expired() { 0 } else { CHANGES };
    let mut found = 0;
    for at in 0..changes {
        let mut wrong = contents.clone();
        let Some(what) = tamper(&mut wrong, rng) else { continue };
        let file = directory.path().join(format!("wrong-{at}.sqlite"));
        assert!(verify_rows(world, &wrong, &file).is_err(), "seed {seed}: nobody notices: {what}");
        found += 1;
    }
    found
}

#[test]
fn every_store_is_verified_and_every_change_is_found() {
    let (mut stores, mut found) = (0, 0);
    for seed in SEEDS {
        let scenario: Scenario = of_seed(&scenarios(), seed);
        let (mut world, mut rng) = (World::new(&scenario), fastrand::Rng::with_seed(seed));
        // Over a log that was cut some rows are nobody's: their own test is in the store's checks.
        for part in [faults, to_the_end] {
            match part(&mut world) {
                Ok(()) if !world.was_cut() => {}
                Ok(()) | Err(Stopped::Refused(_)) => break,
                Err(Stopped::Violated(what)) => panic!("seed {seed}: {what}"),
            }
            world.settle();
            found += check(seed, &world, &mut rng);
            stores += 1;
        }
    }
    assert!(stores > 100 && found > 150, "{stores} stores, {found} changes");
}
