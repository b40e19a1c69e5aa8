//! `tickline replay --write-to` and a keyspace with a live worker: refused before an epoch is opened, or insisted on.

use crate::cassandra::scene::SETTINGS;
use crate::cassandra::stage::Stage;
use crate::shared::pids::wait_until;

#[test]
fn a_replay_fences_a_live_worker_only_if_asked() {
    let mut stage = Stage::new(3);
    let mut workers = [stage.start(2, "")];
    stage.grow();
    stage.wait_for_frontier(&mut workers, |frontier| frontier.is_some());
    let replay = format!("replay --log {} --write-to {} {SETTINGS}", stage.log, stage.store);
    let before = stage.progress().epoch;
    // The epoch was opened a moment ago, whether a heartbeat has come already or not.
    stage.home.fails(&replay, 2, &["a worker writes to", "epoch 1 ", "Stop it first", "--take-over"]);
    assert_eq!(stage.progress().epoch, before, "no epoch was opened");
    stage.grow();
    stage.home.fails(&replay, 2, &["epoch 1 "]);
    stage.home.ok(&format!("{replay} --take-over"));
    // A worker without anything to publish has no reason to look.
    stage.grow();
    let [worker] = workers;
    wait_until("a new epoch", || stage.progress().epoch > before);
    worker.end("the worker is fenced").is(4, &["fenced by epoch 2"]);
    stage.work_to_the_end(2);
    stage.finish();
}
