//! Corrects a candle: a trade that arrives after its window was complete retracts the old row and adds the new one.

use std::sync::Arc;

use dataflows::log::batch::RecordBatch;
use dataflows::log::conditions::ConditionTable;
use dataflows::log::control;
use dataflows::progress::time::Resolution;
use dataflows::settings::Settings;
use dataflows::testing::{Plan, run};

const NOON: u64 = 1_700_049_600_000;

fn trade(price: u64, event_ms: u64) -> Vec<u8> {
    format!(r#"{{"p":{price},"s":"AAPL","t":{event_ms},"v":1}}"#).into_bytes()
}

/// Runs the example.
pub fn main() {
    let records = [
        control::progress("example", NOON),
        trade(100, NOON),
        control::progress("example", NOON + 60_000),
        trade(105, NOON + 1_000), // 59 s late
        control::progress("example", NOON + 70_000),
    ];
    let mut partition = RecordBatch::default();
    for (offset, record) in (0..).zip(&records) {
        partition.push(offset, record, None);
    }
    // One record at a time, with steps between, so that the first row is out before the late trade arrives.
    let plan =
        Plan { workers: 1, batch_records: 1, steps: 20, checkpoints: Vec::new(), resume: None, bindings: Vec::new() };
    let outcome = run(&Settings::new(ConditionTable::neutral()), &Arc::new(vec![partition]), &plan);

    let rows = outcome.candles.into_iter().filter(|(row, _, _)| row.resolution == Resolution::S5);
    let changes: Vec<_> = rows.map(|(row, time, diff)| (row.trades, time - NOON, diff)).collect();
    assert_eq!(changes, [(1, 0, 1), (1, 60_000, -1), (2, 60_000, 1)]);
}
