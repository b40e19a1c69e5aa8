//! One pipeline on several processes: partly or entirely killed, restarted with other process counts, paused and
//! resumed. Rows, digest and reads equal those of one undisturbed process.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::cassandra::scene::PARTITIONS;
use crate::cassandra::stage::Stage;
use crate::cassandra::statements::{
    commits_checkpoint, commits_frontier, opens_epoch, puts_shard, reads_shard, writes_candles,
};
use crate::cassandra::zombie::{stop, wake};
use crate::pipeline::growing::below;
use crate::shared::broker::{log_address, topic};
use crate::shared::node::shared;
use crate::shared::pids::{child, kill};
use crate::shared::process::{Running, wait_for};
use crate::shared::proxy_cql::{How, Which};

const LOST: i32 = 5;

/// A free port below the ephemeral range, so that no client connection takes it in the meantime.
fn port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id() % 4_000;
    let next = || 12_000 + ((first + NEXT.fetch_add(1, Ordering::Relaxed)) % 8_000) as u16;
    std::iter::repeat_with(next).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// Starts processes that connect through the proxy of the stage.
fn start(stage: &Stage, processes: usize, workers: usize, more: &str) -> Vec<Running> {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let lines: String = (0..processes).map(|_| format!("127.0.0.1:{}\n", port())).collect();
    let hosts = format!("hosts-{}", LAST.fetch_add(1, Ordering::Relaxed));
    stage.home.write(&hosts, lines);
    let one =
        |process| stage.start(workers, &format!("--processes {processes} --process {process} --hosts {hosts} {more}"));
    (0..processes).map(one).collect()
}

/// The kind of statement after which processes are killed, and which ones: the first, the last or all.
struct Round(usize, usize, fn(&str) -> bool, u64, Hit);

#[derive(Clone, Copy, PartialEq)]
enum Hit {
    First,
    Last,
    All,
}

fn kills(mut stage: Stage, seed: u64, rounds: &[Round]) {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    for Round(processes, workers, fits, first, hit) in rounds {
        let how = if below(&mut dice, 2) == 0 { How::DoneSilence } else { How::LostSilence };
        stage.fault(*fits, how, Which::Nth(1 + below(&mut dice, *first)));
        let mut cluster = start(&stage, *processes, *workers, "");
        stage.grow();
        stage.wait_for_faults(&mut cluster, 1);
        let (_, statement) = stage.proxy.faults();
        eprintln!("{processes} x {workers}, {how:?}: {statement}, {:?}", stage.progress());
        assert!(stage.progress().frontier < Some(stage.wanted.frontier), "the kill hit work in progress");
        match hit {
            Hit::All => cluster.drain(..).for_each(Running::kill),
            Hit::First => cluster.remove(0).kill(),
            Hit::Last => cluster.pop().unwrap().kill(),
        }
        stage.proxy.no_fault();
        for survivor in cluster {
            survivor.end("a process without its peer").is_lost();
        }
    }
    while stage.grow_if_any() {}
    for process in start(&stage, 3, 1, "--until-end") {
        process.end("the last cluster").is(0, &[]);
    }
    assert!(stage.progress().checkpoint.is_some(), "there was something to resume from");
    eprintln!("{:?}", stage.finish());
}

impl crate::shared::process::Ended {
    fn is_lost(&self) {
        assert_eq!(self.code, Some(LOST), "{self:?}");
    }
}

#[test]
fn killed_processes_restart_with_other_counts() {
    let log = log_address(&topic(PARTITIONS as u32));
    kills(
        Stage::with(shared(), &log, 24),
        1,
        &[
            Round(1, 2, writes_candles, 20, Hit::All),
            Round(3, 1, puts_shard, 15, Hit::Last),
            Round(3, 1, commits_checkpoint, 1, Hit::First),
            Round(2, 2, reads_shard, 20, Hit::Last),
            Round(2, 1, commits_frontier, 5, Hit::First),
            Round(3, 2, opens_epoch, 1, Hit::All),
        ],
    );
}

#[test]
fn woken_cluster_process_is_fenced() {
    let mut stage = Stage::new(3);
    let mut cluster = start(&stage, 3, 1, "");
    stage.grow();
    stage.wait_for_frontier(&mut cluster, |frontier| frontier.is_some());
    stage.grow();
    let zombie = cluster.remove(0);
    stop(zombie.id());
    for survivor in cluster {
        survivor.end("a process whose peer is stopped").is_lost();
    }
    let before = stage.progress();
    stage.grow();
    for process in start(&stage, 2, 1, "--until-end") {
        process.end("the next cluster").is(0, &[]);
    }
    let published = stage.progress();
    assert!(published.frontier > before.frontier && published.epoch > before.epoch, "{before:?} {published:?}");
    wake(zombie.id());
    zombie.end("the zombie ends").is(4, &["fenced"]);
    assert_eq!(stage.progress(), published);
    stage.finish();
}

#[test]
fn supervised_cluster_recovers_under_load() {
    let log = log_address(&topic(PARTITIONS as u32));
    let mut stage = Stage::with(shared(), &log, 12);
    let mut cluster = start(&stage, 3, 1, "--restart");
    stage.grow();
    stage.wait_for_frontier(&mut cluster, |frontier| frontier.is_some());
    for victim in [1, 0] {
        let before = stage.progress();
        let running = child(cluster[victim].id()).expect("the supervisor runs one");
        kill(running);
        // The load does not wait.
        (0..4).for_each(|_| stage.grow());
        let again =
            wait_for("the supervisor runs another", || child(cluster[victim].id()).filter(|now| *now != running));
        assert_ne!(again, running);
        stage.wait_growing(&mut cluster, "a new epoch", |stage| stage.progress().by > before.epoch);
        assert!(stage.progress().frontier >= before.frontier);
        stage.verify();
    }
    while stage.grow_if_any() {}
    stage.wait_for_frontier(&mut cluster, |frontier| frontier == Some(stage.wanted.frontier));
    cluster.iter_mut().for_each(Running::terminate);
    for supervisor in cluster {
        supervisor.end("a supervisor that was asked to end");
    }
    stage.finish();
}
