//! A worker that is killed after each kind of statement and restarted with another number of workers while the log
//! grows: neither the result nor any read in between differs from an undisturbed run.

use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::cassandra::scene::PARTITIONS;
use crate::cassandra::stage::Stage;
use crate::cassandra::statements::{
    commits_checkpoint, commits_frontier, keeps_minute, opens_epoch, puts_shard, reads_shard, removes_shards,
    writes_candles,
};
use crate::pipeline::growing::below;
use crate::shared::broker::{log_address, topic};
use crate::shared::node::shared;
use crate::shared::process::Running;
use crate::shared::proxy_cql::{How, Which};

const PARTS: usize = 30;
const WORKERS: [usize; 5] = [2, 1, 4, 3, 2];

/// A kill after a statement: its kind, and from how many of them one is picked.
struct Point(&'static str, fn(&str) -> bool, u64);

/// Needs a checkpoint to recover from.
const RECOVERY: &str = "recovery";

/// In an order in which each can occur: a checkpoint needs a full minute, and reading shards a checkpoint.
const POINTS: [Point; 9] = [
    Point("taking over", opens_epoch, 1),
    Point("rows", writes_candles, 20),
    Point("a checkpoint's shards", puts_shard, 15),
    Point("a checkpoint's commit", commits_checkpoint, 1),
    Point("taking over again", opens_epoch, 1),
    Point(RECOVERY, reads_shard, 20),
    Point("the frontier", commits_frontier, 5),
    Point("a minute", keeps_minute, 1),
    Point("the removal of an old checkpoint", removes_shards, 20),
];

#[test]
fn kills_over_a_topic() {
    let mut stage = Stage::with(shared(), &log_address(&topic(PARTITIONS as u32)), PARTS);
    let mut dice = ChaCha8Rng::seed_from_u64(7);
    for (round, Point(name, fits, first)) in POINTS.iter().enumerate() {
        if *name == RECOVERY && stage.progress().checkpoint.is_none() {
            let mut worker = [stage.start(2, "")];
            stage.wait_growing(&mut worker, "a checkpoint", |stage| stage.progress().checkpoint.is_some());
            worker.into_iter().for_each(Running::kill);
        }
        let at = 1 + below(&mut dice, *first);
        let how = if below(&mut dice, 2) == 0 { How::DoneSilence } else { How::LostSilence };
        stage.fault(*fits, how, Which::Nth(at));
        let before = stage.progress();
        let mut worker = [stage.start(WORKERS[(round + 2) % WORKERS.len()], "")];
        stage.grow();
        stage.wait_for_faults(&mut worker, 1);
        worker.into_iter().for_each(Running::kill);
        let (made, statement) = stage.proxy.faults();
        assert_eq!(made, 1, "{name}: killed at the {at}. {statement}");
        stage.proxy.no_fault();
        let after = stage.progress();
        eprintln!("{name}: {how:?} of the {at}., from {before:?} to {after:?}");
        assert!(after.frontier < Some(stage.wanted.frontier), "{name}: the kill hit work in progress");
    }
    // And at arbitrary moments.
    for workers in [4, 2] {
        let before = stage.progress();
        let mut worker = [stage.start(workers, "")];
        stage.wait_growing(&mut worker, "the frontier moves", |stage| stage.progress().frontier > before.frontier);
        std::thread::sleep(Duration::from_millis(below(&mut dice, 100)));
        worker.into_iter().for_each(Running::kill);
    }
    while stage.grow_if_any() {}
    assert!(stage.progress().checkpoint.is_some(), "there was something to resume from");
    stage.work_to_the_end(3);
    assert!(stage.progress().epoch >= POINTS.len() as u64, "{:?}", stage.progress());
    let seen = stage.finish();
    assert!(seen.frontiers > 3, "the reader was there: {seen:?}");
}
