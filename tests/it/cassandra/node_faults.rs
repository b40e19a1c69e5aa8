//! A dedicated node that is killed and restarted under writes, and one that is paused.

use std::time::{Duration, Instant};

use crate::cassandra::reader::try_progress;
use crate::cassandra::stage::{Stage, all_alive};
use crate::cassandra::zombie::{stop, wake};
use crate::shared::node::Node;
use crate::shared::process::Running;

#[test]
fn worker_survives_a_killed_node() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = Node::start(dir.path());
    let mut stage = Stage::with(&node, "dir:log", 3);
    let mut worker = start(&mut stage);
    let before = stage.progress();
    node.server.kill();
    assert!(try_progress(&stage.raw, &stage.keyspace).is_none(), "the node is down");
    node.server.restart();
    wait_for_answer(&stage);
    let kept = stage.progress();
    assert!(kept.frontier >= before.frontier, "published rows are not lost: {before:?} {kept:?}");
    stage.wait_for_frontier(&mut worker, |frontier| frontier > before.frontier);
    finish(stage, worker);
}

#[test]
fn worker_survives_a_paused_node() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let mut stage = Stage::with(&node, "dir:log", 4);
    let mut worker = start(&mut stage);
    stop(node.server.pid);
    stage.grow();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        all_alive(&mut worker);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(try_progress(&stage.raw, &stage.keyspace).is_none(), "the node does not answer");
    wake(node.server.pid);
    wait_for_answer(&stage);
    finish(stage, worker);
}

#[test]
fn a_stopped_worker_does_not_wait_for_a_paused_node() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let mut stage = Stage::with(&node, "dir:log", 3);
    let [mut worker] = start(&mut stage);
    stop(node.server.pid);
    stage.grow();
    worker.terminate();
    let ended = worker.end("a stopped worker");
    assert!(try_progress(&stage.raw, &stage.keyspace).is_none(), "the node does not answer");
    ended.is(1, &["stopped without a last checkpoint, the store did not answer in time", "reads from the one before"]);
    wake(node.server.pid);
    wait_for_answer(&stage);
    let mut next = [stage.start(2, "")];
    stage.wait_for_end(&mut next);
    next.into_iter().for_each(Running::kill);
    stage.finish();
}

/// A worker that has published a frontier, and more of the log to process.
fn start(stage: &mut Stage) -> [Running; 1] {
    let mut worker = [stage.start(2, "")];
    stage.grow();
    stage.wait_for_frontier(&mut worker, |frontier| frontier.is_some());
    stage.grow();
    worker
}

/// Processes the rest of the log and checks the result.
fn finish(mut stage: Stage, mut worker: [Running; 1]) {
    stage.grow();
    stage.wait_for_end(&mut worker);
    worker.into_iter().for_each(Running::kill);
    assert_eq!(stage.progress().epoch, 1, "the worker was never restarted");
    let seen = stage.finish();
    assert!(seen.unanswered > 0, "{seen:?}");
}

fn wait_for_answer(stage: &Stage) {
    crate::shared::pids::wait_until("the node answers", || try_progress(&stage.raw, &stage.keyspace).is_some());
}
