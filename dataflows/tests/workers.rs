//! Rows and digest are the same on any number of workers, in any batches, and after a resume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::sync::Arc;

use dataflows::log::batch::RecordBatch;
use dataflows::log::conditions::{BUILT_IN, ConditionTable};
use dataflows::settings::Settings;
use dataflows::testing::{Plan, run, run_for_digest};

const BASE_MS: u64 = 1_700_000_000_000;
const RECORDS: u64 = 20_000;
const PARTITIONS: usize = 3;

/// A record each 20 ms, out of order by up to 6 s; progress is 3 s behind, so some trades are late.
fn record(i: u64, random: u64) -> String {
    if i % 50 < PARTITIONS as u64 {
        return progress(BASE_MS + i * 20 - 3_000);
    }
    let (price, cents) = (100 + (random >> 40) % 10, (random >> 50) % 100);
    let (symbol, volume) = ((random >> 20) % 7, (random >> 45) % 4);
    let event_ms = BASE_MS + i * 20 - (random >> 33) % 6_000;
    format!(r#"{{"c":null,"p":{price}.{cents:02},"s":"S{symbol}","t":{event_ms},"v":{volume}}}"#)
}

fn progress(event_ms: u64) -> String {
    format!(r#"{{"type":"progress","source":"a","event_ms":{event_ms}}}"#)
}

fn log() -> Vec<RecordBatch> {
    let mut log = vec![RecordBatch::default(); PARTITIONS];
    let mut offsets = [0; PARTITIONS];
    let mut push = |partition: usize, text: &str| {
        log[partition].push(offsets[partition], text.as_bytes(), None);
        offsets[partition] += 1;
    };
    let mut random = 12_345_u64;
    for i in 0..RECORDS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        push(i as usize % PARTITIONS, &record(i, random));
    }
    (0..PARTITIONS).for_each(|partition| push(partition, &progress(BASE_MS + RECORDS * 20)));
    log
}

#[test]
fn workers_batches_and_a_resume_change_nothing() {
    let log = Arc::new(log());
    let settings = Settings::new(ConditionTable::from_toml(BUILT_IN).unwrap());
    let checkpoint = BASE_MS / 60_000 * 60_000 + 120_000;
    let plan = |workers, batch_records, steps| Plan {
        workers,
        batch_records,
        steps,
        checkpoints: vec![checkpoint],
        resume: None,
        bindings: Vec::new(),
    };
    let whole = run(&settings, &log, &plan(1, 100, 3));
    let last = whole.last.clone().unwrap();
    assert!(last.rows > 100 && whole.kept.len() > 3, "{last:?}");
    for plan in [plan(1, 100_000, 0), plan(2, 37, 1), plan(4, 1, 2), plan(3, 5_000, 0)] {
        let outcome = run(&settings, &log, &plan);
        assert_eq!((outcome.last.as_ref(), &outcome.kept), (Some(&last), &whole.kept), "{} workers", plan.workers);
        let digest = run_for_digest(&settings, &log, &plan);
        assert_eq!((digest.last.as_ref(), &digest.kept), (Some(&last), &whole.kept), "without rows");
        assert!(digest.candles.is_empty() && digest.indicators.is_empty() && !outcome.candles.is_empty());
    }
    let [snapshot] = whole.snapshots.as_slice() else { panic!("{} snapshots", whole.snapshots.len()) };
    for workers in [1, 2, 3] {
        let resumed = Plan {
            workers,
            batch_records: 77,
            steps: 1,
            checkpoints: Vec::new(),
            resume: Some(snapshot.clone()),
            bindings: Vec::new(),
        };
        assert_eq!(run(&settings, &log, &resumed).last.as_ref(), Some(&last), "resumed on {workers} workers");
    }
}
