//! What happens in one run: made from a seed, and small steps, so that a failing one can be shrunk.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::oracle::generate::{self, Case, Step};
use crate::steady::short_feeds;
use crate::store::{Call, Failing};

/// Most steps of a log's plan: enough for corrections and folding, and few enough for many runs.
const STEPS_MAX: usize = 90;
/// Most bytes of a record.
const RECORD_BYTES_MAX: usize = 4_096;

/// One run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The settings, and the log as it will be in the end.
    pub case: Case,
    /// Decides who takes the next turn, how much is appended and read, and when time passes.
    pub seed: u64,
    /// How often the log makes durable what was appended: from 0, never, to 4.
    pub syncs: u8,
    /// The shape of each start, over and over.
    pub shapes: Vec<Shape>,
    /// What goes wrong, each after a number of turns.
    pub faults: Vec<(usize, Fault)>,
}

/// The shape of a start.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Processes.
    pub processes: usize,
    /// Workers of each.
    pub workers: usize,
    /// Time between checkpoints, if there are any.
    pub checkpoint_every_ms: Option<u64>,
    /// How far is read ahead, in event time.
    pub read_ahead_ms: u64,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// All processes are killed.
    Kill,
    /// All processes are killed right after the next call of this kind, in the middle of a turn.
    KillAfter(Call),
    /// One process is killed, and the others go on for a while.
    KillOne(usize),
    /// All processes are cut off and replaced; they do not know it, and go on.
    Zombies,
    /// The workers are asked to stop.
    Stop,
    /// The store fails.
    StoreFails(Failing),
    /// A read of the log fails.
    ReadFails,
    /// Old records expire, as far as no checkpoint needs them.
    Expire,
    /// All processes are killed, or stopped in order, and the log loses what was not durable.
    LoseEnd {
        /// They are stopped in order, with a checkpoint as of their end.
        after_stop: bool,
    },
    /// Another log takes its place, until somebody puts it right.
    ReplaceLog,
    /// A backup of the store is made.
    Backup,
    /// The store is put back to its last backup, while nobody works; without one it is emptied.
    Restore,
    /// The network repeats a write.
    Repeat(usize),
}

/// Scenarios of all kinds.
pub fn scenarios() -> impl Strategy<Value = Scenario> {
    let shapes = prop::collection::vec(shape(), 1..4);
    let faults = prop::collection::vec((0_usize..160, fault()), 0..7);
    let syncs = prop::sample::select(vec![0, 0, 1, 4]);
    (small_case(), any::<u64>(), syncs, shapes, faults).prop_map(|(case, seed, syncs, shapes, faults)| Scenario {
        case,
        seed,
        syncs,
        shapes,
        faults,
    })
}

/// Scenarios without faults, for a fault at each place in turn.
pub fn quiet_scenarios() -> impl Strategy<Value = Scenario> {
    scenarios().prop_map(|scenario| Scenario { faults: Vec::new(), ..scenario })
}

/// The scenario of a seed.
#[expect(clippy::expect_used, reason = "no strategy here rejects a value")]
pub fn of_seed(strategy: &impl Strategy<Value = Scenario>, seed: u64) -> Scenario {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    strategy.new_tree(&mut runner).expect("a value").current()
}

/// Takes away from a failing scenario what it does not need to fail.
pub fn shrink(mut failing: Scenario, fails: impl Fn(&Scenario) -> bool) -> Scenario {
    let mut is_smaller = true;
    while is_smaller {
        let faults = without_blocks(&failing.faults, |faults| fails(&Scenario { faults, ..failing.clone() }));
        let shapes = without_blocks(&failing.shapes, |shapes| {
            !shapes.is_empty() && fails(&Scenario { faults: faults.clone(), shapes, ..failing.clone() })
        });
        let small = Scenario { faults, shapes, ..failing.clone() };
        let with = |steps: Vec<Step>| {
            let mut smaller = small.clone();
            smaller.case.1.steps = steps;
            smaller
        };
        let smaller = with(without_blocks(&small.case.1.steps, |steps| fails(&with(steps))));
        is_smaller = size(&smaller) < size(&failing);
        failing = smaller;
    }
    failing
}

fn size(scenario: &Scenario) -> usize {
    scenario.faults.len() + scenario.shapes.len() + scenario.case.1.steps.len()
}

/// The list without the blocks that are not needed: large ones first.
fn without_blocks<T: Clone>(list: &[T], still_fails: impl Fn(Vec<T>) -> bool) -> Vec<T> {
    let mut left = list.to_vec();
    let mut block = left.len();
    while block > 0 {
        let mut at = 0;
        while at < left.len() {
            let upper = (at + block).min(left.len());
            let without = [&left[..at], &left[upper..]].concat();
            if still_fails(without.clone()) {
                left = without;
            } else {
                at = upper;
            }
        }
        block /= 2;
    }
    left
}

fn small_case() -> impl Strategy<Value = Case> {
    let odd = prop_oneof![2 => generate::cases().boxed(), 1 => generate::paced_cases().boxed()];
    let odd = odd.prop_map(|(settings, mut plan)| {
        plan.steps.truncate(STEPS_MAX);
        for step in &mut plan.steps {
            if matches!(step, Step::Raw(_, bytes) if bytes.len() > RECORD_BYTES_MAX) {
                *step = Step::Wait(1);
            }
        }
        (settings, plan)
    });
    prop_oneof![3 => odd, 1 => short_feeds()]
}

fn shape() -> impl Strategy<Value = Shape> {
    let every = prop::sample::select(vec![Some(200), Some(1_000), Some(5_000), None]);
    let ahead = prop::sample::select(vec![600_000, 5_000]);
    let count = || prop_oneof![3 => Just(1_usize), 2 => Just(2), 1 => Just(3)];
    (count(), count(), every, ahead).prop_map(|(processes, workers, checkpoint_every_ms, read_ahead_ms)| Shape {
        processes,
        workers,
        checkpoint_every_ms,
        read_ahead_ms,
    })
}

fn fault() -> impl Strategy<Value = Fault> {
    let calls = vec![Call::Start, Call::Rows, Call::Frontier, Call::Beat, Call::Segments, Call::Checkpoint];
    let failing = prop::sample::select(vec![Failing::Before, Failing::Partly, Failing::After]);
    prop_oneof![
        6 => Just(Fault::Kill),
        8 => prop::sample::select(calls).prop_map(Fault::KillAfter),
        4 => any::<usize>().prop_map(Fault::KillOne),
        4 => Just(Fault::Zombies),
        3 => Just(Fault::Stop),
        5 => failing.prop_map(Fault::StoreFails),
        2 => Just(Fault::ReadFails),
        3 => Just(Fault::Expire),
        4 => any::<bool>().prop_map(|after_stop| Fault::LoseEnd { after_stop }),
        1 => Just(Fault::ReplaceLog),
        2 => Just(Fault::Backup),
        2 => Just(Fault::Restore),
        3 => any::<usize>().prop_map(Fault::Repeat),
    ]
}
