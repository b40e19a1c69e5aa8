//! A store that is slow, unreachable, overloaded or that loses answers: the worker recovers, and the result is
//! unchanged.

use std::time::{Duration, Instant};

use crate::cassandra::stage::{Stage, all_alive};
use crate::cassandra::statements::{
    commits_checkpoint, commits_frontier, fences_checkpoints, fences_frontier, keeps_minute, opens_epoch, puts_shard,
    reads_shard,
};
use crate::shared::pids::memory_bytes;
use crate::shared::process::Running;
use crate::shared::proxy::Link;
use crate::shared::proxy_cql::{How, Which, is_conditional, writes_rows};

/// Predicate of the statements to hit.
type Fits = fn(&str) -> bool;

/// One fault after the other while the log grows, each until it has hit a number of requests.
fn faults(faults: &[(Fits, How, Which, u64)]) {
    let mut stage = Stage::new(24);
    let mut worker = [stage.start(2, "")];
    for (fits, how, which, count) in faults {
        stage.fault(*fits, *how, *which);
        stage.grow();
        stage.wait_for_faults(&mut worker, *count);
        eprintln!("{how:?}: {:?}", stage.proxy.faults());
        stage.proxy.no_fault();
    }
    while stage.grow_if_any() {}
    stage.wait_for_end(&mut worker);
    worker.into_iter().for_each(Running::kill);
    assert_eq!(stage.progress().epoch, 1, "it was one process all the time");
    stage.finish();
}

#[test]
fn row_writes_with_unknown_outcome_or_rejected() {
    faults(&[
        (writes_rows, How::DoneTimeout, Which::Every(3), 10),
        (writes_rows, How::LostTimeout, Which::Every(3), 10),
        (writes_rows, How::Overloaded, Which::Every(3), 10),
        (writes_rows, How::Unavailable, Which::Every(3), 10),
        (writes_rows, How::DoneCut, Which::Every(40), 3),
        (writes_rows, How::LostCut, Which::Every(40), 3),
        (keeps_minute, How::LostTimeout, Which::Next(2), 2),
        (puts_shard, How::LostTimeout, Which::Every(5), 2),
    ]);
}

#[test]
fn compare_and_set_with_unknown_outcome() {
    faults(&[
        (commits_frontier, How::DoneTimeout, Which::Every(2), 2),
        (commits_frontier, How::LostTimeout, Which::Every(2), 2),
        (commits_checkpoint, How::DoneTimeout, Which::Next(1), 1),
        (commits_checkpoint, How::LostTimeout, Which::Next(1), 1),
        (commits_frontier, How::DoneCut, Which::Next(1), 1),
        (is_conditional, How::Overloaded, Which::Every(2), 2),
    ]);
}

#[test]
fn takeover_with_unknown_outcome() {
    let mut stage = Stage::new(12);
    let opens: [(Fits, How); 7] = [
        (opens_epoch, How::DoneTimeout),
        (opens_epoch, How::LostTimeout),
        (opens_epoch, How::DoneCut),
        (fences_frontier, How::DoneTimeout),
        (fences_checkpoints, How::LostTimeout),
        (is_conditional, How::Unavailable),
        (reads_shard, How::Overloaded),
    ];
    let mut first = [stage.start(1, "")];
    stage.wait_growing(&mut first, "something to recover", |stage| stage.progress().checkpoint.is_some());
    first.into_iter().for_each(Running::kill);
    for (epoch, (fits, how)) in (2..).zip(opens) {
        stage.fault(fits, how, Which::Next(1));
        let mut worker = [stage.start(2, "")];
        stage.wait_for_faults(&mut worker, 1);
        stage.wait_growing(&mut worker, "the next epoch", |stage| stage.progress().epoch == epoch);
        worker.into_iter().for_each(Running::kill);
    }
    stage.proxy.no_fault();
    while stage.grow_if_any() {}
    stage.work_to_the_end(1);
    stage.finish();
}

/// The worker times out an attempt, repeats it and continues; then the old attempt arrives.
#[test]
fn late_attempt_does_not_reset_a_register() {
    let mut stage = Stage::new(12);
    let mut worker = [stage.start(2, "")];
    stage.fault(commits_frontier, How::Late, Which::Nth(3));
    (0..3).for_each(|_| stage.grow());
    stage.wait_for_faults(&mut worker, 1);
    stage.fault(commits_checkpoint, How::Late, Which::Next(1));
    stage.wait_for_faults(&mut worker, 1);
    let before = stage.progress();
    stage.wait_growing(&mut worker, "the checkpoint", |stage| stage.progress().checkpoint > before.checkpoint);
    let repeated = stage.progress();
    stage.wait_growing(&mut worker, "a later one", |stage| stage.progress().checkpoint > repeated.checkpoint);
    worker.into_iter().for_each(Running::kill);
    let published = stage.progress();
    assert!(published.frontier > before.frontier, "{before:?} {published:?}");
    assert_eq!(stage.proxy.deliver(), 2, "a frontier and a checkpoint of long ago");
    assert_eq!(stage.progress(), published);
    stage.proxy.no_fault();
    while stage.grow_if_any() {}
    stage.work_to_the_end(1);
    stage.finish();
}

#[test]
fn node_is_slow_unreachable_or_silent() {
    let mut stage = Stage::new(4);
    let mut worker = [stage.start(2, "")];
    stage.proxy.delay(Duration::from_millis(40));
    stage.grow();
    stage.wait_for_frontier(&mut worker, |frontier| frontier.is_some());
    let start = stage.progress().frontier;
    stage.wait_for_frontier(&mut worker, |frontier| frontier > start);
    assert!(stage.proxy.counts().delayed > 100, "{:?}", stage.proxy.counts());
    stage.proxy.delay(Duration::ZERO);

    stage.proxy.set(Link::Refused);
    std::net::TcpStream::connect(&stage.proxy.address).unwrap_err();
    stands_still(&mut stage, &mut worker, Duration::from_secs(3));
    stage.proxy.set(Link::Open);
    let before = stage.progress().frontier;
    stage.wait_for_frontier(&mut worker, |frontier| frontier > before);

    stage.proxy.set(Link::Held);
    let memory = memory_bytes(worker[0].id(), "VmRSS").unwrap();
    stands_still(&mut stage, &mut worker, Duration::from_secs(25));
    let more = memory_bytes(worker[0].id(), "VmRSS").unwrap().saturating_sub(memory);
    assert!(more < 48 << 20, "{more} bytes more than the {memory} before");
    assert!(stage.proxy.counts().held > 0, "{:?}", stage.proxy.counts());
    stage.proxy.set(Link::Open);
    stage.grow();
    stage.wait_for_end(&mut worker);
    worker.into_iter().for_each(Running::kill);
    assert_eq!(stage.progress().epoch, 1, "it was one process all the time");
    stage.finish();
}

/// Asserts that the log grows while the durable frontier does not.
fn stands_still(stage: &mut Stage, workers: &mut [Running], for_so_long: Duration) {
    stage.grow();
    let (before, start) = (stage.progress(), Instant::now());
    while start.elapsed() < for_so_long {
        all_alive(workers);
        assert_eq!(stage.progress(), before, "nothing can have reached the node");
        std::thread::sleep(Duration::from_millis(100));
    }
}
