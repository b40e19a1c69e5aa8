//! Runs the same log on one worker and on two: the frontier row, with its digest of all rows, is the same.

use std::sync::Arc;

use dataflows::log::batch::RecordBatch;
use dataflows::log::conditions::ConditionTable;
use dataflows::log::control;
use dataflows::settings::Settings;
use dataflows::testing::{Plan, run};

const NOON: u64 = 1_700_049_600_000;

fn partition(symbol: &str) -> RecordBatch {
    let mut partition = RecordBatch::default();
    partition.push(0, &control::progress(symbol, NOON), None);
    for n in 1..100 {
        let record = format!(r#"{{"p":{},"s":"{symbol}","t":{},"v":1}}"#, 100 + n % 7, NOON + n * 500);
        partition.push(n, record.as_bytes(), None);
    }
    partition.push(100, &control::progress(symbol, NOON + 60_000), None);
    partition
}

/// Runs the example.
pub fn main() {
    let log = Arc::new(vec![partition("AAPL"), partition("MSFT")]);
    let settings = Settings::new(ConditionTable::neutral());
    let frontier_row = |workers| {
        let plan =
            Plan { workers, batch_records: 10, steps: 1, checkpoints: Vec::new(), resume: None, bindings: Vec::new() };
        run(&settings, &log, &plan).last
    };
    let row = frontier_row(1);
    assert_eq!(row.as_ref().map(|row| row.frontier), Some(NOON + 60_000));
    assert_eq!(row, frontier_row(2));
}
