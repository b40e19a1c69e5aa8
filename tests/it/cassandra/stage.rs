//! Fixture of a pipeline test: a log that grows part by part, a keyspace, a proxy in front of the node, and a reader.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cassandra::dump;
use crate::cassandra::raw::Raw;
use crate::cassandra::reader::{self, Progress, Seen, Wanted};
use crate::cassandra::scene::{PARTITIONS, SETTINGS, beside, new_keyspace, scene};
use crate::pipeline::growing::Background;
use crate::shared::node::{Node, shared};
use crate::shared::pids::wait_until;
use crate::shared::process::{Home, Running};
use crate::shared::proxy::Proxy;
use crate::shared::proxy_cql::{Fault, How, Which};

/// A pipeline under test.
pub struct Stage {
    pub home: Home,
    /// The `--log` address; the log is empty at first.
    pub log: String,
    pub keyspace: String,
    pub proxy: Proxy,
    /// Direct connection to the node.
    pub raw: Raw,
    pub wanted: Arc<Wanted>,
    /// The `--store` address without the proxy.
    pub store: String,
    reader: Option<Background<Seen>>,
    parts: usize,
    grown: usize,
}

impl Stage {
    /// On the shared node, with a directory log of a number of parts.
    pub fn new(parts: usize) -> Self {
        Self::with(shared(), "dir:log", parts)
    }

    /// On any node, with any log.
    pub fn with(node: &Node, log: &str, parts: usize) -> Self {
        let wanted = Arc::new(Wanted::of(&beside(), &scene().keyspace));
        let home = Home::new();
        scene().cut_up(&home, parts);
        if log.starts_with("dir:") {
            home.ok(&format!("setup --log {log} --partitions {PARTITIONS}"));
        }
        let keyspace = new_keyspace(&node.address);
        let raw = Raw::connect(&node.address, Duration::from_secs(30));
        let reader = Some(reader::start(&node.address, &keyspace, &wanted));
        let proxy = Proxy::cql(&node.address);
        let store = node.store_address(&keyspace);
        Self { home, log: log.to_owned(), keyspace, proxy, raw, wanted, store, reader, parts, grown: 0 }
    }

    /// Adds the next part to the log.
    pub fn grow(&mut self) {
        self.home.ok(&format!("import --from-log dir:part-{} --log {}", self.grown, self.log));
        self.grown += 1;
    }

    /// Adds the next part, if there is one.
    pub fn grow_if_any(&mut self) -> bool {
        let is_any = self.grown < self.parts;
        if is_any {
            self.grow();
        }
        is_any
    }

    /// Starts `work` through the proxy, without an end and with checkpoints as often as possible.
    pub fn start(&self, workers: usize, more: &str) -> Running {
        let (log, proxy, keyspace) = (&self.log, &self.proxy.address, &self.keyspace);
        let often = "--checkpoint-every 1ms --read-ahead 5s";
        self.home.start(&format!(
            "work --log {log} --store cassandra://{proxy}/{keyspace} --workers {workers} {often} {SETTINGS} {more}"
        ))
    }

    /// Progress of the keyspace.
    pub fn progress(&self) -> Progress {
        reader::progress(&self.raw, &self.keyspace)
    }

    pub fn fault(&self, fits: fn(&str) -> bool, how: How, which: Which) {
        self.proxy.fault(Fault { fits, how, which });
    }

    /// Waits for a condition while all workers live. When they are idle, the next part is appended to the log.
    pub fn wait_growing(&mut self, workers: &mut [Running], what: &str, is_so: impl Fn(&Self) -> bool) {
        const IDLE: Duration = Duration::from_secs(1);
        const LOST: Duration = Duration::from_secs(6);
        let mut since = (Instant::now(), self.progress());
        wait_until(what, || {
            all_alive(workers);
            if is_so(self) {
                return true;
            }
            let now = self.progress();
            // A worker that has just started may have published nothing yet.
            let idle_limit = if now.by == now.epoch { IDLE } else { LOST };
            if now != since.1 {
                since = (Instant::now(), now);
            } else if since.0.elapsed() > idle_limit {
                self.grow_if_any();
                since.0 = Instant::now();
            }
            false
        });
    }

    /// Waits until the active fault has hit `count` requests; the log grows meanwhile.
    pub fn wait_for_faults(&mut self, workers: &mut [Running], count: u64) {
        self.wait_growing(workers, "the fault", |stage| stage.proxy.faults().0 >= count);
    }

    /// Waits for the durable frontier, while all workers live.
    pub fn wait_for_frontier(&self, workers: &mut [Running], is_so: impl Fn(Option<u64>) -> bool) {
        wait_until("the durable frontier", || {
            all_alive(workers);
            is_so(self.progress().frontier)
        });
    }

    /// Waits until the whole log is durable.
    pub fn wait_for_end(&self, workers: &mut [Running]) {
        self.wait_for_frontier(workers, |frontier| frontier == Some(self.wanted.frontier));
    }

    /// Processes the log to its end, without faults.
    pub fn work_to_the_end(&self, workers: usize) {
        let (log, store) = (&self.log, &self.store);
        let more = format!("--read-ahead 5s --until-end {SETTINGS}");
        self.home.ok(&format!("work --log {log} --store {store} --workers {workers} {more}"));
    }

    /// Runs `verify`, which must succeed; returns its output.
    pub fn verify(&self) -> String {
        let (log, store) = (&self.log, &self.store);
        self.home.ok(&format!("verify --rows --log {log} --store {store} --workers 2 {SETTINGS}"))
    }

    /// Asserts that the reader saw no error, that all cells equal those of an undisturbed run, and that `verify`
    /// succeeds.
    pub fn finish(&mut self) -> Seen {
        assert_eq!(self.progress().frontier, Some(self.wanted.frontier), "the log was read to its end");
        let seen = self.reader.take().expect("once").stop();
        assert!(seen.frontiers > 1 && seen.rows > 0, "the reader was running: {seen:?}");
        let dumped = dump::dump(&self.raw, &self.keyspace);
        dump::assert_equal(&dumped, &dump::dump(&beside(), &scene().keyspace));
        let verified = self.verify();
        let digest = self.raw.rows(&format!("SELECT digest FROM {}.frontier", self.keyspace));
        assert!(verified.contains(&digest[0][0]), "{verified} {digest:?}");
        seen
    }
}

/// Asserts that no worker has ended.
pub fn all_alive(workers: &mut [Running]) {
    for (at, worker) in workers.iter_mut().enumerate() {
        assert!(worker.is_alive(), "process {at}: {}", worker.stderr());
    }
}
