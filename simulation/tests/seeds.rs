//! A few seeds at every test, the saved ones first, and that a seed decides everything.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use simulation::run::{kill_everywhere, run};
use simulation::scenario::{of_seed, quiet_scenarios, scenarios};

/// Seeds that have failed once: what is left of them when the generator changes is another scenario.
const SAVED: &str = include_str!("../seeds.txt");

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

fn check(seed: u64) {
    if let Err(violation) = run(&of_seed(&scenarios(), seed)) {
        panic!("seed {seed}: {}\n{}", violation.what, violation.trace.lines().join("\n"));
    }
}

#[test]
fn saved_seeds_hold() {
    let seeds: Vec<u64> = SAVED.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
    assert!(!seeds.is_empty());
    seeds.into_iter().for_each(check);
}

#[test]
fn seeds_hold() {
    let from = number("TICKLINE_TEST_SEED", 1);
    (from..from + number("TICKLINE_TEST_CASES", 600)).for_each(check);
}

#[test]
fn a_seed_decides_everything() {
    let trace = |seed| {
        let report = run(&of_seed(&scenarios(), seed)).unwrap();
        (report.trace.hash(), report.trace.len())
    };
    let traces: Vec<_> = (1..40).map(trace).collect();
    assert_eq!(traces, (1..40).map(trace).collect::<Vec<_>>());
    assert!(traces.iter().map(|(_, len)| len).sum::<usize>() > 4_000, "little happens");
}

/// In the middle of everything that a run does.
#[test]
fn a_kill_at_every_turn_changes_nothing() {
    for seed in [1, 2, 3] {
        let scenario = of_seed(&quiet_scenarios(), seed);
        match kill_everywhere(&scenario) {
            Ok(places) => assert!(places > 50, "seed {seed} has few turns"),
            Err((at, violation)) => panic!("seed {seed}, killed after {at} turns: {}", violation.what),
        }
    }
}
