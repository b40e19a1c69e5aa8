//! One run of a scenario, from the first record to the end: with faults at first, then healed.

use crate::scenario::{Fault, Scenario};
use crate::trace::{Event, Trace};
use crate::world::{Stopped, World};

/// Rounds without anything to do after which nothing more will come: heartbeats and positions are written in between.
const QUIET_ROUNDS: usize = 8;
/// Time that passes in a round, in milliseconds.
const ROUND_MS: u64 = 300;
/// Rounds after which a run that is still busy never ends.
const ROUNDS_MAX: usize = 3_000;

/// A run that went as it must.
#[derive(Debug)]
pub struct Report {
    /// What happened.
    pub trace: Trace,
    /// Why the job refused to go on, over a log that was cut after it was read.
    pub refused: Option<String>,
}

/// A run in which something must not be.
#[derive(Debug)]
pub struct Violation {
    /// What.
    pub what: String,
    /// What happened until then.
    pub trace: Trace,
}

/// Runs a scenario to its end.
pub fn run(scenario: &Scenario) -> Result<Report, Violation> {
    let mut world = World::new(scenario);
    let outcome = faults(&mut world).and_then(|()| to_the_end(&mut world));
    let trace = std::mem::take(&mut world.trace);
    match outcome {
        Ok(()) => Ok(Report { trace, refused: None }),
        Err(Stopped::Refused(why)) => Ok(Report { trace, refused: Some(why) }),
        Err(Stopped::Violated(what)) => Err(Violation { what, trace }),
    }
}

/// The part of a run in which things go wrong.
pub fn faults(world: &mut World<'_>) -> Result<(), Stopped> {
    for (turns, fault) in &world.scenario.faults {
        (0..*turns).try_for_each(|_| world.step())?;
        // What an operator has to put right lasts as long as one gap between two faults.
        if !matches!(fault, Fault::ReplaceLog) {
            world.repair();
        }
        world.fault(*fault)?;
    }
    Ok(())
}

/// No more faults: the job reaches the end of the log, stops when it is asked to, and starts again with nothing to do.
pub fn to_the_end(world: &mut World<'_>) -> Result<(), Stopped> {
    world.heal();
    world.trace.add(Event::Healed);
    until_quiet(world)?;
    world.check_cut()?;
    world.store.look(|contents| world.checks.check_end(contents))?;
    stop(world)?;
    let (rows, before) = (world.store.rows_written(), world.store.contents());
    until_quiet(world)?;
    world.store.look(|contents| world.checks.check_end(contents))?;
    if before.published.is_some() && world.store.rows_written() != rows {
        return Err(Stopped::Violated("a start after the end has written rows again".to_owned()));
    }
    stop(world)
}

/// Starts the job where it is needed, and lets all take turns until nothing more happens.
fn until_quiet(world: &mut World<'_>) -> Result<(), Stopped> {
    let mut quiet = 0;
    for _ in 0..ROUNDS_MAX {
        world.repair();
        if world.current.is_none() {
            world.start()?;
        }
        let is_busy = world.round()?;
        world.pass(ROUND_MS);
        quiet = if is_busy || world.current.as_ref().is_none_or(|epoch| epoch.is_stopping) { 0 } else { quiet + 1 };
        if quiet == QUIET_ROUNDS {
            return Ok(());
        }
    }
    Err(Stopped::Violated("it is busy for ever".to_owned()))
}

/// The job stops when it is asked to.
fn stop(world: &mut World<'_>) -> Result<(), Stopped> {
    match world.stop(ROUNDS_MAX, ROUND_MS)? {
        true => Ok(()),
        false => Err(Stopped::Violated("it does not stop".to_owned())),
    }
}

/// Runs a quiet scenario with one kill after each number of turns in turn, in the middle of everything. Returns how
/// many places there were.
pub fn kill_everywhere(scenario: &Scenario) -> Result<usize, (usize, Violation)> {
    let turns = 2 * run(scenario).map_err(|violation| (0, violation))?.trace.len().min(200);
    for at in 0..turns {
        let faults = vec![(at, Fault::Kill)];
        let killed = Scenario { faults, ..scenario.clone() };
        run(&killed).map_err(|violation| (at, violation))?;
    }
    Ok(turns)
}
