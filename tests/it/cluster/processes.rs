//! Clusters of processes, each with its own loopback address, so that tests do not share ports.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::shared::process::{Ended, Home, Running, wait_for};

/// A log, and the addresses of the processes that work on it.
pub struct Cluster {
    pub home: Home,
    pub hosts: Vec<SocketAddr>,
    /// The `--store` address.
    pub store: String,
}

/// Unused addresses: the whole network 127/8 is this machine.
pub fn addresses(number: usize) -> Vec<SocketAddr> {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let next = || SocketAddr::from(([127, high.clamp(1, 254), low, NEXT.fetch_add(1, Ordering::SeqCst)], 21_000));
    (0..number).map(|_| next()).collect()
}

impl Cluster {
    /// A log of simulated trades in live order: some are late.
    pub fn new(processes: usize, trades: u64) -> Self {
        let home = Home::new();
        home.simulate("trades.jsonl", trades, "2024-01-02T23:56:30Z");
        Self::of(home, processes)
    }

    /// A log of the file `trades.jsonl` of a home, in the order of the file.
    pub fn of(home: Home, processes: usize) -> Self {
        home.ok("import trades.jsonl --as-live --log dir:log --partitions 5");
        let cluster = Self { home, hosts: addresses(processes), store: "none".to_owned() };
        cluster.write_hosts("hosts", &cluster.hosts);
        cluster
    }

    pub fn write_hosts(&self, file: &str, hosts: &[SocketAddr]) {
        let lines: Vec<String> = hosts.iter().map(|host| format!("{host}\n")).collect();
        self.home.write(file, lines.concat());
    }

    /// The command line of one process, without the options that its test adds.
    pub fn line(&self, index: usize) -> String {
        let (processes, store) = (self.hosts.len(), &self.store);
        format!("work --log dir:log --store {store} --processes {processes} --process {index} --hosts hosts")
    }

    pub fn start(&self, index: usize, more: &str) -> Running {
        self.start_line(&format!("{} {more}", self.line(index)))
    }

    /// Starts a process that logs at level info, without colours.
    pub fn start_line(&self, line: &str) -> Running {
        self.home.start_with(line, &[("TICKLINE_LOG_LEVEL", "info"), ("NO_COLOR", "1")])
    }

    /// Starts all processes.
    pub fn start_all(&self, more: &str) -> Vec<Running> {
        (0..self.hosts.len()).map(|index| self.start(index, more)).collect()
    }

    /// Starts all processes, and waits until each receives from all others.
    pub fn running(&self, more: &str) -> Vec<Running> {
        let mut all = self.start_all(more);
        all.iter_mut().for_each(|one| wait_for_log(one, "receiving from peer", self.hosts.len() - 1));
        all
    }

    /// The expected last frontier and digest, from a replay by one process.
    pub fn expected(&self) -> (String, String) {
        let lines = self.home.ok("replay --log dir:log --every 24h");
        let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
        (last["frontier"].as_str().unwrap().to_owned(), last["digest"].as_str().unwrap().to_owned())
    }
}

/// Waits until a running process has logged `what` the given number of times.
pub fn wait_for_log(process: &mut Running, what: &str, times: usize) {
    wait_for(what, || {
        let count = process.stderr().matches(what).count();
        assert!(count >= times || process.is_alive(), "{what:?} was not logged {times} times: {}", process.stderr());
        (count >= times).then_some(())
    });
}

/// The outcome of each process, by index.
pub fn ended(processes: Vec<Running>) -> Vec<Ended> {
    processes.into_iter().enumerate().map(|(index, one)| one.end(&format!("process {index}"))).collect()
}

/// Sends a join request; returns the reply.
pub fn join(to: SocketAddr, request: &Value) -> Value {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let body = request.to_string();
    stream.write_all(b"tickline").unwrap();
    stream.write_all(&(body.len() as u32).to_be_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head[..8], b"tickline");
    let mut body = vec![0; u32::from_be_bytes(head[8..].try_into().unwrap()) as usize];
    stream.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// A join request of a process of another build.
pub fn other_build(index: usize, processes: usize, epoch: Option<u64>) -> Value {
    json!({
        "protocol": 5,
        "build": 1,
        "processes": processes,
        "index": index,
        "shared_settings": {},
        "epoch": epoch,
    })
}
