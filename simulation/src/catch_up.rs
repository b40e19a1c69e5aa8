//! A backlog that is caught up with, while the job is killed again and again.

use dataflows::progress::time::Time;

use crate::scenario::{Scenario, Shape};
use crate::steady::steady;
use crate::store::Contents;
use crate::world::{Stopped, World};

/// Time that one round of turns takes, in milliseconds. A life has many: with 30, to find again what was published
/// took most of one, and whether a checkpoint came in the rest was a matter of luck.
const ROUND_MS: u64 = 10;
/// Rounds after which the backlog will never be caught up with.
const ROUNDS_MAX: usize = 40_000;
/// Seconds of the backlog.
const SECONDS: usize = 400;

/// How a backlog was caught up with.
#[derive(Debug, Default)]
pub struct CaughtUp {
    /// The durable frontiers, ascending.
    pub frontiers: Vec<Time>,
    /// How often the job was killed.
    pub kills: usize,
    /// Between how many kills nothing became durable.
    pub idle_lives: usize,
    /// Time that it took, by the simulated clock.
    pub passed_ms: u64,
}

/// Catches up with a backlog that the log holds from the start, killed after each `kill_every_ms`.
pub fn catch_up(workers: usize, kill_every_ms: Option<u64>) -> Result<CaughtUp, String> {
    let scenario = backlog(workers);
    let mut world = World::new(&scenario);
    world.heal();
    let mut seen = CaughtUp::default();
    let mut at_start = 0;
    for _ in 0..ROUNDS_MAX {
        if world.current.is_none() {
            world.start().map_err(said)?;
        }
        world.round().map_err(said)?;
        world.pass(ROUND_MS);
        seen.passed_ms += ROUND_MS;
        let frontier = world.store.look(Contents::complete);
        if seen.frontiers.last() != Some(&frontier) {
            seen.frontiers.push(frontier);
        }
        if frontier == world.checks.last {
            world.store.look(|contents| world.checks.check_end(contents))?;
            return Ok(seen);
        }
        if kill_every_ms.is_some_and(|every_ms| seen.passed_ms % every_ms == 0) {
            world.current = None;
            seen.kills += 1;
            seen.idle_lives += usize::from(frontier == at_start);
            at_start = frontier;
        }
    }
    Err(format!("after {} kills it is still at {}", seen.kills, world.store.look(Contents::complete)))
}

fn said(stopped: Stopped) -> String {
    match stopped {
        Stopped::Refused(why) | Stopped::Violated(why) => why,
    }
}

/// Two trades each second in each partition, and the progress of their source.
fn backlog(workers: usize) -> Scenario {
    let shape = Shape { processes: 1, workers, checkpoint_every_ms: Some(2_000), read_ahead_ms: 600_000 };
    Scenario { case: steady(SECONDS, 1_000, 1), seed: 1, syncs: 4, shapes: vec![shape], faults: Vec::new() }
}
