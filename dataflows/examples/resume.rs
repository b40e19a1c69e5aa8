//! Takes a snapshot on the way and resumes from it: the resumed run ends with the same frontier row.

use std::sync::Arc;

use dataflows::log::batch::RecordBatch;
use dataflows::log::conditions::ConditionTable;
use dataflows::log::control;
use dataflows::settings::Settings;
use dataflows::testing::{Plan, run};

const NOON: u64 = 1_700_049_600_000;

/// Runs the example.
pub fn main() {
    let mut partition = RecordBatch::default();
    for minute in 0..5 {
        let event_ms = NOON + minute * 60_000;
        partition.push(2 * minute, &control::progress("example", event_ms), None);
        let trade = format!(r#"{{"p":{},"s":"AAPL","t":{},"v":1}}"#, 100 + minute, event_ms + 1_000);
        partition.push(2 * minute + 1, trade.as_bytes(), None);
    }
    let log = Arc::new(vec![partition]);
    let settings = Settings::new(ConditionTable::neutral());
    let plan = Plan {
        workers: 1,
        batch_records: 1,
        steps: 20,
        checkpoints: vec![NOON + 120_000],
        resume: None,
        bindings: Vec::new(),
    };
    let whole = run(&settings, &log, &plan);

    assert_eq!(whole.snapshots.len(), 1);
    let resume = whole.snapshots.first().cloned();
    let resumed = run(&settings, &log, &Plan { checkpoints: Vec::new(), resume, ..plan });
    assert!(whole.last.is_some());
    assert_eq!(resumed.last, whole.last);
}
