//! Shared by the tests of the dataflow: a case of the oracle as the dataflow takes it, updates added up, fixed seeds.
//!
//! `mod.rs` and not `support.rs`: that name would be a test binary.
#![allow(dead_code, reason = "every test binary uses another part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::fmt::Debug;
use std::sync::Arc;

use dataflows::log::batch::RecordBatch;
use dataflows::log::binding::Binding;
use dataflows::log::conditions::{BUILT_IN, ConditionTable};
use dataflows::settings::{ProgressMode, Settings};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestError, TestRng, TestRunner};

use crate::oracle::generate::BITS_PREFIX;
use crate::oracle::{self, Log};

pub mod driver;
pub mod updates;

/// Set to run more cases than the fixed few; other cases come with another `TICKLINE_TEST_SEED`.
const CASES: &str = "TICKLINE_TEST_CASES";
const SEED: &str = "TICKLINE_TEST_SEED";

/// The oracle's table of bits, in the words of the program's.
const BITS: &str = r#"
[[scheme]]
prefix = "PREFIX"
kind = "bits"
[[scheme.rule]]
any = 0x140020
unless = 0x2000
clears = ["last", "range"]
[[scheme.rule]]
any = 0x7000200
clears = ["last", "range"]
[[scheme.rule]]
any = 0x5000000
clears = ["volume"]
"#;

/// The table that goes with [`oracle::Conditions::with_lean_bits`], or with [`oracle::Conditions::finnhub`].
pub fn conditions(bits: bool) -> ConditionTable {
    let bits = if bits { BITS.replace("PREFIX", BITS_PREFIX) } else { String::new() };
    ConditionTable::from_toml(&format!("{BUILT_IN}\n{bits}")).unwrap()
}

/// The same settings for the dataflow.
pub fn settings(of: &oracle::Settings) -> Settings {
    let progress = of.max_out_of_orderness_ms.map_or(ProgressMode::Records, |max_out_of_orderness_ms| {
        ProgressMode::BoundedOutOfOrderness { max_out_of_orderness_ms }
    });
    let progress = if of.bindings.is_some() { ProgressMode::ProgressLog } else { progress };
    Settings {
        step_ms: of.step_ms,
        allowed_lateness_ms: of.allowed_lateness_ms,
        max_ahead_ms: of.max_ahead_ms,
        max_ahead_trade_ms: of.max_ahead_trade_ms,
        symbols_max: of.symbols_max as u64,
        progress,
        dedup: of.dedup,
        ..Settings::new(conditions(of.conditions.0.len() > 1))
    }
}

/// The records of the same progress log; none where there is none.
pub fn bindings(of: &oracle::Settings) -> Vec<Binding> {
    let binding = |(place, &(partition, offset, event_ms)): (usize, &(u32, u64, i64))| Binding {
        partition,
        offset,
        event_ms: event_ms as u64,
        newest_ms: None,
        place: place as u64,
    };
    of.bindings.iter().flatten().enumerate().map(binding).collect()
}

/// The same log for the dataflow.
pub fn batches(log: &Log) -> Arc<Vec<RecordBatch>> {
    Arc::new(log.iter().map(|records| batch(records)).collect())
}

/// The same records for the dataflow.
pub fn batch(records: &[oracle::Record]) -> RecordBatch {
    let mut batch = RecordBatch::default();
    for record in records {
        match record.is_tombstone {
            true => batch.push_tombstone(record.offset, record.timestamp_ms),
            false => batch.push(record.offset, &record.bytes, record.timestamp_ms),
        }
    }
    batch
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// How many cases to run where `few` are enough every day.
pub fn cases(few: u64) -> u64 {
    number(CASES, few)
}

/// Tries as many cases as [`cases`] says, the same ones each time, and shrinks what fails.
pub fn check<S: Strategy<Value: Debug>>(few: u64, strategy: &S, test: impl Fn(S::Value) -> TestCaseResult) {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number(SEED, 1).to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let config =
        Config { cases: cases(few) as u32, failure_persistence: None, max_shrink_time: 60_000, ..Config::default() };
    match TestRunner::new_with_rng(config, rng).run(strategy, test) {
        Ok(()) => {}
        Err(TestError::Abort(reason)) => panic!("{reason}"),
        // One line: the runner's own form of a log takes thousands.
        Err(TestError::Fail(reason, case)) => panic!("{reason}\nof {case:?}"),
    }
}
