//! The dataflow against the oracle: whatever the workers, the batches and the steps, the same rows, counts and digests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use dataflows::candles::symbol_state::SymbolRows;
use dataflows::log::batch::RecordBatch;
use dataflows::log::binding::Binding;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::output::row::{CandleRow, GapRow, IndicatorRow, RejectedRow};
use dataflows::progress::time::{MINUTE_MS, Resolution, Time};
use dataflows::settings::Settings;
use dataflows::state::snapshot::decode_shard;
use dataflows::symbols::symbol::SHARDS;
use dataflows::testing::{Outcome, Plan, Snapshot, run};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestCaseResult};

mod oracle;
mod support;

use oracle::partition::Partition;
use oracle::{Log, Oracle, generate};
use support::updates::{Tables, joined, tables};

const ALL: usize = usize::MAX;

/// How a run is fed: workers, records at once, steps between.
type Feeding = (usize, usize, usize);

const SMALL_STEPS: Feeding = (1, 1, 3);

fn feedings() -> impl Strategy<Value = Feeding> {
    let (workers, batches, steps) = ([1_usize, 2, 4], [1_usize, 7, ALL], [0_usize, 1, 3]);
    (
        prop::sample::select(workers.to_vec()),
        prop::sample::select(batches.to_vec()),
        prop::sample::select(steps.to_vec()),
    )
}

/// A case on both sides.
struct Case {
    oracle: Oracle,
    settings: Settings,
    log: Arc<Vec<RecordBatch>>,
    bindings: Vec<Binding>,
    /// The frontier at the log's end.
    last: Time,
    /// Frontiers that a run in small steps passes through, ascending.
    frontiers: Vec<Time>,
    /// Earlier answers of the oracle.
    expected: RefCell<BTreeMap<Time, Rc<Expected>>>,
}

/// The oracle's rows as of one frontier, ascending.
struct Expected {
    candles: Vec<CandleRow>,
    indicators: Vec<IndicatorRow>,
    rejected: Vec<RejectedRow>,
    gaps: Vec<GapRow>,
    row: FrontierRow,
}

/// Number of intermediate rows compared.
const PASSED: usize = 6;

impl Case {
    fn new((mut settings, plan): generate::Case, bits: bool) -> Self {
        if !bits {
            settings.conditions = oracle::Conditions::finnhub();
        }
        let log = plan.log();
        let oracle = Oracle::new(&settings, &log);
        Self {
            last: oracle.final_frontier(),
            oracle,
            frontiers: frontiers(&settings, &log),
            bindings: support::bindings(&settings),
            settings: support::settings(&settings),
            log: support::batches(&log),
            expected: RefCell::default(),
        }
    }

    fn expected(&self, frontier: Time) -> Rc<Expected> {
        let ask = || Expected {
            candles: sorted(self.oracle.candle_rows(frontier)),
            indicators: sorted(self.oracle.indicator_rows(frontier)),
            rejected: sorted(self.oracle.rejected_rows(frontier)),
            gaps: sorted(self.oracle.gap_rows(frontier)),
            row: self.oracle.frontier_row(frontier),
        };
        Rc::clone(self.expected.borrow_mut().entry(frontier).or_insert_with(|| Rc::new(ask())))
    }

    fn run(
        &self,
        (workers, batch_records, steps): Feeding,
        checkpoints: &[Time],
        resume: Option<&Snapshot>,
    ) -> Outcome {
        let (checkpoints, resume, bindings) = (checkpoints.to_vec(), resume.cloned(), self.bindings.clone());
        run(&self.settings, &self.log, &Plan { workers, batch_records, steps, checkpoints, resume, bindings })
    }

    /// The ends of the minutes in which something counts, as far as the frontier goes.
    fn minutes(&self) -> Vec<Time> {
        let ends: BTreeSet<Time> =
            self.oracle.times().iter().map(|time| time / MINUTE_MS * MINUTE_MS + MINUTE_MS).collect();
        ends.into_iter().filter(|&end| end <= self.last).collect()
    }

    /// Times at which a cut may be made: time steps at which something counts or anything else, minutes among them.
    fn cuts(&self) -> Vec<Time> {
        let steps = self.oracle.times().into_iter().flat_map(|time| [time, time + self.settings.step_ms]);
        let cuts: BTreeSet<Time> = steps.chain(self.minutes()).collect();
        cuts.into_iter().filter(|&cut| 0 < cut && cut <= self.last).collect()
    }

    /// Everything in an outcome of the whole log. Rows are compared as of each full minute, the end, and `frontiers`.
    fn check(&self, outcome: &Outcome, frontiers: &[Time]) -> TestCaseResult {
        let tables = tables(outcome).map_err(TestCaseError::fail)?;
        let always = self.minutes().into_iter().chain([self.last]);
        always.chain(frontiers.iter().copied()).try_for_each(|frontier| self.check_rows(&tables, frontier))?;
        let last = outcome.last.clone().unwrap_or_else(FrontierRow::empty);
        prop_assert_eq!(&last, &self.expected(self.last).row);
        let kept: Vec<FrontierRow> =
            self.minutes().into_iter().map(|minute| self.expected(minute).row.clone()).collect();
        prop_assert_eq!(&outcome.kept, &kept);
        // Whatever frontier a row was made for, however the workers jumped: some of them, as each is recomputed.
        let every = outcome.passed.len() / PASSED + 1;
        for row in outcome.passed.iter().step_by(every) {
            prop_assert_eq!(row, &self.oracle.frontier_row(row.frontier), "as of {}", row.frontier);
        }
        Ok(())
    }

    fn check_rows(&self, tables: &Tables, frontier: Time) -> TestCaseResult {
        let expected = self.expected(frontier);
        prop_assert_eq!(&tables.candles.as_of(frontier), &expected.candles, "as of {}", frontier);
        prop_assert_eq!(&tables.indicators.as_of(frontier), &expected.indicators, "as of {}", frontier);
        prop_assert_eq!(&tables.rejected.as_of(frontier), &expected.rejected, "as of {}", frontier);
        prop_assert_eq!(&tables.gaps.as_of(frontier), &expected.gaps, "as of {}", frontier);
        Ok(())
    }
}

fn sorted<R: Ord>(mut rows: Vec<R>) -> Vec<R> {
    rows.sort_unstable();
    rows
}

/// The frontiers when one record of each partition after the other is read.
fn frontiers(settings: &oracle::Settings, log: &Log) -> Vec<Time> {
    let steps: Vec<Vec<u64>> =
        log.iter().enumerate().map(|(at, records)| Partition::steps(settings, at as u32, records)).collect();
    let longest = log.iter().map(Vec::len).max().unwrap_or(0);
    let after = |round: usize| steps.iter().map(|t| t.get(round).or(t.last()).copied().unwrap_or(0)).min().unwrap_or(0);
    let all: BTreeSet<Time> = (0..longest).map(after).collect();
    all.into_iter().collect()
}

#[test]
fn every_batching_matches_the_oracle() {
    let strategy = (generate::cases(), any::<bool>(), prop::collection::vec(feedings(), 4));
    support::check(64, &strategy, |(case, bits, feedings)| {
        let case = Case::new(case, bits);
        case.check(&case.run(SMALL_STEPS, &[], None), &case.frontiers)?;
        feedings.into_iter().try_for_each(|feeding| case.check(&case.run(feeding, &[], None), &[]))
    });
}

#[test]
fn paced_logs_match_the_oracle() {
    let at = any::<prop::sample::Index>();
    let strategy = (generate::paced_cases(), prop::collection::vec(feedings(), 3), at);
    support::check(64, &strategy, |(case, feedings, at)| {
        let case = Case::new(case, true);
        feedings.iter().try_for_each(|feeding| case.check(&case.run(*feeding, &[], None), &[]))?;
        let cuts = case.cuts();
        prop_assume!(!cuts.is_empty());
        cut_once(&case, feedings[0], feedings[1], *at.get(&cuts))
    });
}

/// More than 260 candles: the longest averages move, and what is older than the allowed lateness is folded.
#[test]
fn long_logs_match_the_oracle() {
    let strategy = (generate::long_cases(), feedings(), feedings(), any::<prop::sample::Index>());
    support::check(2, &strategy, |(case, one, other, at)| {
        let case = Case::new(case, true);
        case.check(&case.run(one, &[], None), &[])?;
        let cuts = case.cuts();
        prop_assume!(!cuts.is_empty());
        cut_once(&case, one, other, *at.get(&cuts))
    });
}

#[test]
fn resumed_run_equals_whole_run() {
    let at = any::<prop::sample::Index>();
    let strategy = (generate::cases(), feedings(), feedings(), prop::collection::vec(at, 3));
    support::check(64, &strategy, |(case, one, other, at)| {
        let case = Case::new(case, true);
        let cuts = case.cuts();
        prop_assume!(!cuts.is_empty());
        at.iter().try_for_each(|at| cut_once(&case, one, other, *at.get(&cuts)))
    });
}

fn cut_once(case: &Case, one: Feeding, other: Feeding, cut: Time) -> TestCaseResult {
    let before = case.run(one, &[cut], None);
    case.check(&before, &[cut])?;
    prop_assert_eq!(before.snapshots.len(), 1, "no snapshot as of {}", cut);
    let snapshot = &before.snapshots[0];
    prop_assert_eq!(&snapshot.header.ledger.row, &case.expected(cut).row);
    check_snapshot(case, snapshot, cut)?;
    let after = case.run(other, &[], Some(snapshot));
    prop_assert!(after.candles.iter().all(|(_, time, _)| *time >= cut), "something came twice");
    let whole = joined(&before, cut, &after);
    case.check(&whole, &[])
}

/// The rows in a snapshot are those as of it, of all windows that a late trade may still reach.
fn check_snapshot(case: &Case, snapshot: &Snapshot, cut: Time) -> TestCaseResult {
    let after_ms = cut.saturating_sub(case.settings.allowed_lateness_ms);
    let mut found = SymbolRows::default();
    for number in 0..SHARDS {
        let segments = snapshot.shards.iter().filter(|shard| shard.shard == number);
        let shard = decode_shard(number, &segments.map(|shard| &shard.bytes).collect::<Vec<_>>()).unwrap();
        for state in shard.states {
            let rows = state.rows(after_ms).unwrap();
            found.candles.extend(rows.candles);
            found.indicators.extend(rows.indicators);
        }
    }
    let is_reached = |start_ms: u64, resolution: Resolution| start_ms + resolution.length_ms() > after_ms;
    let expected = case.expected(cut);
    let candles = expected.candles.iter().filter(|row| is_reached(row.window_start_ms, row.resolution));
    prop_assert_eq!(sorted(found.candles), candles.cloned().collect::<Vec<_>>());
    let indicators = expected.indicators.iter().filter(|row| is_reached(row.window_start_ms, Resolution::S5));
    prop_assert_eq!(sorted(found.indicators), indicators.cloned().collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_resumed_run_can_be_cut_again() {
    let strategy = (generate::cases(), prop::collection::vec(feedings(), 3), any::<[prop::sample::Index; 2]>());
    support::check(48, &strategy, |(case, feedings, at)| {
        let case = Case::new(case, true);
        let cuts = case.cuts();
        prop_assume!(cuts.len() > 1);
        let (one, other) = (*at[0].get(&cuts), *at[1].get(&cuts));
        let (one, other) = (one.min(other), one.max(other));
        prop_assume!(one < other);
        let first = case.run(feedings[0], &[one], None);
        let second = case.run(feedings[1], &[other], Some(&first.snapshots[0]));
        // A resumed run may start with the first partition's frontier already after the second cut.
        prop_assume!(second.snapshots.len() == 1);
        let third = case.run(feedings[2], &[], Some(&second.snapshots[0]));
        let whole = joined(&joined(&first, one, &second), other, &third);
        case.check(&whole, &[one, other])
    });
}

/// Many snapshots of one run: each is as of its own time, although the run went on.
#[test]
fn snapshots_do_not_disturb_each_other() {
    support::check(24, &(generate::cases(), feedings()), |(case, other)| {
        let case = Case::new(case, true);
        let cuts: Vec<Time> = case.cuts().into_iter().step_by(7).collect();
        let whole = case.run(SMALL_STEPS, &cuts, None);
        case.check(&whole, &cuts)?;
        prop_assert!(whole.snapshots.len() >= cuts.len().min(1));
        for snapshot in whole.snapshots.iter().step_by(3) {
            prop_assert_eq!(case.run(other, &[], Some(snapshot)).last, whole.last.clone());
        }
        Ok(())
    });
}
