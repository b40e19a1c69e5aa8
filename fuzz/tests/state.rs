//! The corpus of `state` holds states of today's layout: those of an earlier one end at their first bytes, and nothing
//! behind them would be tried.
//!
//! `TICKLINE_WRITE_CORPUS=1` writes the files again after a change of the layout.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::path::Path;
use std::sync::Arc;

use dataflows::log::batch::RecordBatch;
use dataflows::log::conditions::ConditionTable;
use dataflows::settings::Settings;
use dataflows::state::codec;
use dataflows::state::snapshot::{decode_memory, decode_shard, memory_shard};
use dataflows::testing::{Plan, run};
use tickline_fuzz::state::check;

const START_MS: u64 = 1_575_590_400_000;
/// Windows in which two symbols trade.
const WINDOWS: u64 = 20;

/// Two symbols in every window, in turns with volumes that no record has room for, and one whose progress is far ahead.
fn log() -> RecordBatch {
    let mut batch = RecordBatch::default();
    let mut push = |text: String| batch.push(batch.records.len() as u64, text.as_bytes(), Some(START_MS as i64));
    for window in 0..WINDOWS {
        let time = START_MS + window * 5_000;
        push(format!(r#"{{"type":"progress","source":"a","event_ms":{time}}}"#));
        let volume = if window % 4 == 0 { 1_000_000_000_000_u64 } else { window };
        push(format!(r#"{{"p":12.5,"s":"A","t":{time},"v":{volume}}}"#));
        push(format!(r#"{{"p":{window}.25,"s":"B","t":{time},"v":1}}"#));
    }
    batch
}

/// The kind that the target reads first, and bytes.
fn file(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind], bytes].concat()
}

#[test]
fn the_corpus_has_states_of_this_layout() {
    let settings = Settings::new(ConditionTable::neutral());
    let plan = Plan {
        workers: 1,
        batch_records: 4,
        steps: 9,
        checkpoints: vec![START_MS + (WINDOWS - 1) * 5_000],
        resume: None,
        bindings: Vec::new(),
    };
    let outcome = run(&settings, &Arc::new(vec![log()]), &plan);
    let [snapshot] = outcome.snapshots.as_slice() else { panic!("{:?}", outcome.snapshots) };
    let (memories, shards): (Vec<_>, Vec<_>) = snapshot.shards.iter().partition(|s| s.shard >= memory_shard(0));
    assert_eq!((memories.len(), shards.len()), (1, 2));
    let header = codec::encode(&snapshot.header).unwrap();
    assert!(decode_shard(0, &[&shards[0].bytes]).is_ok() && decode_memory(&memories[0].bytes).is_ok());
    // Without what the target puts in front of a body.
    let body = |bytes: &[u8]| bytes[17..].to_vec();
    let files = [
        ("header", file(0, &body(&header))),
        ("shard", file(1, &body(&shards[0].bytes))),
        ("shard-other", file(1, &body(&shards[1].bytes))),
        ("shard-whole", file(1, &shards[0].bytes)),
        ("memory", file(2, &body(&memories[0].bytes))),
        ("packed", file(3, &codec::pack(&shards[0].bytes))),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/state");
    for (name, bytes) in &files {
        let path = folder.join(name);
        if std::env::var_os("TICKLINE_WRITE_CORPUS").is_some() {
            std::fs::write(&path, bytes).unwrap();
        }
        let found = std::fs::read(&path).unwrap_or_default();
        assert!(&found == bytes, "{} is of another layout: write it with TICKLINE_WRITE_CORPUS=1", path.display());
    }
    // A changed bit of any byte is an error or another state: no panic, and no memory that its length cannot explain.
    for (_, bytes) in files {
        for at in 1..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            check(&changed);
        }
    }
}
