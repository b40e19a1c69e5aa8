//! Makes 5 s candles from trades as JSON Lines, complete up to the last progress record.

use std::sync::Arc;

use dataflows::log::batch::RecordBatch;
use dataflows::log::conditions::ConditionTable;
use dataflows::log::control;
use dataflows::progress::time::Resolution;
use dataflows::settings::Settings;
use dataflows::testing::{Plan, run};

const NOON: u64 = 1_700_049_600_000;

/// Three trades in two windows.
const TRADES: &str = r#"{"p":100,"s":"AAPL","t":1700049600000,"v":1}
{"p":102,"s":"AAPL","t":1700049604000,"v":2}
{"p":101,"s":"AAPL","t":1700049605000,"v":3}"#;

/// Runs the example.
pub fn main() {
    let mut partition = RecordBatch::default();
    partition.push(0, &control::progress("example", NOON), None);
    for (offset, line) in (1..).zip(TRADES.lines()) {
        partition.push(offset, line.as_bytes(), None);
    }
    partition.push(4, &control::progress("example", NOON + 10_000), None);
    let plan =
        Plan { workers: 1, batch_records: 100, steps: 1, checkpoints: Vec::new(), resume: None, bindings: Vec::new() };
    let outcome = run(&Settings::new(ConditionTable::neutral()), &Arc::new(vec![partition]), &plan);

    let rows = outcome.candles.into_iter().filter(|(row, _, diff)| row.resolution == Resolution::S5 && *diff > 0);
    let mut candles: Vec<_> = rows.map(|(row, _, _)| (row.window_start_ms - NOON, row.high, row.trades)).collect();
    candles.sort_unstable();
    let unit = 1_000_000_000_000_000_000;
    assert_eq!(candles, [(0, 102 * unit, 2), (5_000, 101 * unit, 1)]);
}
