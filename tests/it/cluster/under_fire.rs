//! Forward under fire: three processes work off a backlog, and one of them is killed every few seconds. Each life has
//! to make something durable, or the durable frontier would never move again.

use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::cassandra::raw::Raw;
use crate::cassandra::reader::{Progress, progress};
use crate::cassandra::scene::new_keyspace;
use crate::cluster::processes::Cluster;
use crate::shared::node::shared;
use crate::shared::pids::{child, is_running, kill, memory_bytes, wait_until};
use crate::shared::process::{Home, Running};

/// About 110 s of 2,000 symbols.
const TRADES: u64 = 300_000;
const START_MS: u64 = 1_704_205_800_000;
const PROCESSES: usize = 3;
const KILLS: usize = 6;
/// On a machine that is through with the backlog before the last kill.
const KILLS_MIN: usize = 3;
/// A life goes on until the frontier has moved this far after its first step, so that every machine has some to kill.
const LIFE_MS: std::ops::Range<u64> = 0..6_000;
/// Peak of each process.
const MEMORY_MAX: u64 = 160 << 20;

/// The pipeline and its store.
struct Fire {
    cluster: Cluster,
    keyspace: String,
    raw: Raw,
    all: Vec<Running>,
    /// Frontier and digest of a replay, and the frontier in milliseconds.
    wanted: (String, String),
    end_ms: u64,
}

/// What a life has made durable before its end, and the peak of each process.
#[derive(Debug)]
struct Life {
    after: Progress,
    peaks: Vec<u64>,
}

impl Fire {
    fn start() -> Self {
        let home = Home::new();
        let trades = home.ok(&format!("simulate --print {TRADES} --instruments 2000"));
        home.write("trades.jsonl", trades);
        let mut cluster = Cluster::of(home, PROCESSES);
        let wanted = cluster.expected();
        let end_ms = wanted.0.parse::<jiff::Timestamp>().unwrap().as_millisecond() as u64;
        let keyspace = new_keyspace(&shared().address);
        cluster.store = shared().store_address(&keyspace);
        let raw = Raw::connect(&shared().address, Duration::from_secs(30));
        // The first checkpoint of a life comes after a sixth of this.
        let all = cluster.start_all("--workers 1 --restart --until-end --checkpoint-every 3s");
        Self { cluster, keyspace, raw, all, wanted, end_ms }
    }

    fn progress(&self) -> Progress {
        progress(&self.raw, &self.keyspace)
    }

    /// Waits while the processes work.
    fn wait(&self, what: &str, is_so: impl Fn(Progress) -> bool) {
        wait_until(what, || {
            // A look costs the node something, too.
            std::thread::sleep(Duration::from_millis(20));
            is_so(self.progress())
        });
    }

    /// Waits for the next life, lets it go on for a while after its first step forward, and kills one process. `None`
    /// if the backlog is done before that.
    fn life(&mut self, before: &Progress, length_ms: u64, victim: usize, with_checkpoint: bool) -> Option<Life> {
        self.wait("the next epoch", |now| now.epoch > before.epoch);
        let start = Instant::now();
        self.wait("the durable frontier moves", |now| now.frontier > before.frontier);
        let took = start.elapsed();
        let step_ms = self.progress().frontier? - before.frontier.unwrap_or(START_MS);
        // It must not take longer than the process lives.
        assert!(step_ms <= (self.end_ms - START_MS) / 4, "a first step of {step_ms} ms");
        if with_checkpoint {
            self.wait("a checkpoint", |now| now.checkpoint > before.checkpoint || now.frontier == Some(self.end_ms));
        }
        let enough = self.progress().frontier.map(|frontier| self.end_ms.min(frontier + length_ms));
        self.wait("a little more", |now| now.frontier >= enough);
        if self.progress().frontier == Some(self.end_ms) {
            return None;
        }
        let running: Vec<u32> = self.all.iter().map(|one| child(one.id()).expect("it runs")).collect();
        let peaks = running.iter().map(|&pid| memory_bytes(pid, "VmHWM").expect("it runs")).collect();
        kill(running[victim]);
        wait_until("the killed process has ended", || !is_running(running[victim]));
        let life = Life { after: self.progress(), peaks };
        eprintln!("killed {victim} after {:?}, first step: {step_ms} ms after {took:?}: {life:?}", start.elapsed());
        Some(life)
    }

    /// Lets the last life go on to the end; the store then holds what a replay gives, row by row.
    fn finish(mut self) {
        let (frontier, digest) = &self.wanted;
        for one in self.all.drain(..) {
            one.end("the last life").is(0, &[&format!("complete up to {frontier}")]);
        }
        let store = &self.cluster.store;
        let status = self.cluster.home.ok(&format!("status --store {store} --format json"));
        let status: Value = serde_json::from_str(&status).unwrap();
        assert_eq!((status["frontier"].as_str(), status["digest"].as_str()), (Some(&**frontier), Some(&**digest)));
        self.cluster.home.ok(&format!("verify --rows --log dir:log --store {store}"));
    }
}

#[test]
fn every_life_moves_the_durable_frontier() {
    let mut fire = Fire::start();
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let mut before = Progress::default();
    let mut kills = 0;
    while kills < KILLS {
        let length_ms = rng.random_range(LIFE_MS);
        let Some(life) = fire.life(&before, length_ms, (kills + 1) % PROCESSES, kills % 2 == 0) else { break };
        kills += 1;
        assert!(life.peaks.iter().all(|peak| (1..MEMORY_MAX).contains(peak)), "{life:?}");
        before = life.after;
    }
    assert!(kills >= KILLS_MIN, "the backlog was done after {kills} kills");
    assert!(fire.progress().epoch >= kills as u64, "each kill began another life: {:?}", fire.progress());
    fire.finish();
}
