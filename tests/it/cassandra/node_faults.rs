//! A node of its own that is killed and started again while it is written to, and one that stands still for a while.

use std::time::{Duration, Instant};

use crate::cassandra::reader::try_progress;
use crate::cassandra::stage::{Stage, all_alive};
use crate::cassandra::zombie::{stop, wake};
use crate::shared::node::Node;
use crate::shared::process::Running;

#[test]
fn a_node_that_is_killed_and_one_that_stands_still() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = Node::start(dir.path());
    let mut stage = Stage::with(&node, "dir:log", 4);
    let mut worker = [stage.start(2, "")];
    stage.grow();
    stage.wait_for_frontier(&mut worker, |frontier| frontier.is_some());
    stage.grow();
    let before = stage.progress();
    node.server.kill();
    assert!(try_progress(&stage.raw, &stage.keyspace).is_none(), "nobody answers");
    node.server.restart();
    wait_for_answer(&stage);
    let kept = stage.progress();
    assert!(kept.frontier >= before.frontier, "nothing that was published is lost: {before:?} {kept:?}");
    stage.wait_for_frontier(&mut worker, |frontier| frontier > before.frontier);

    stop(node.server.pid);
    stage.grow();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        all_alive(&mut worker);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(try_progress(&stage.raw, &stage.keyspace).is_none(), "nobody answers");
    wake(node.server.pid);
    wait_for_answer(&stage);
    stage.grow();
    stage.wait_for_end(&mut worker);
    worker.into_iter().for_each(Running::kill);
    assert_eq!(stage.progress().epoch, 1, "it was one process all the time");
    let seen = stage.finish();
    assert!(seen.unanswered > 0, "{seen:?}");
}

fn wait_for_answer(stage: &Stage) {
    crate::shared::pids::wait_until("the node answers", || try_progress(&stage.raw, &stage.keyspace).is_some());
}
