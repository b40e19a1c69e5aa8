//! Processes with loopback addresses of their own, so that no test meets another one's ports.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::shared::process::{Ended, Home, Running, wait_for};

/// A log, and who is to work on it.
pub struct Cluster {
    pub home: Home,
    pub hosts: Vec<SocketAddr>,
}

/// Addresses that nobody else uses: the whole network 127/8 is this machine.
pub fn addresses(number: usize) -> Vec<SocketAddr> {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let next = || SocketAddr::from(([127, high.clamp(1, 254), low, NEXT.fetch_add(1, Ordering::SeqCst)], 21_000));
    (0..number).map(|_| next()).collect()
}

impl Cluster {
    /// A log of so many trades as they come live: some are late.
    pub fn new(processes: usize, trades: u64) -> Self {
        let home = Home::new();
        home.simulate("trades.jsonl", trades, "2024-01-02T23:56:30Z");
        home.ok("import trades.jsonl --as-live --log dir:log --partitions 5");
        let cluster = Self { home, hosts: addresses(processes) };
        cluster.write_hosts("hosts", &cluster.hosts);
        cluster
    }

    pub fn write_hosts(&self, file: &str, hosts: &[SocketAddr]) {
        let lines: Vec<String> = hosts.iter().map(|host| format!("{host}\n")).collect();
        self.home.write(file, lines.concat());
    }

    /// The command line of one process, without what its test adds.
    pub fn line(&self, index: usize) -> String {
        let processes = self.hosts.len();
        format!("work --log dir:log --store none --processes {processes} --process {index} --hosts hosts")
    }

    pub fn start(&self, index: usize, more: &str) -> Running {
        self.start_line(&format!("{} {more}", self.line(index)))
    }

    /// With all that it does told in plain text.
    pub fn start_line(&self, line: &str) -> Running {
        self.home.start_with(line, &[("TICKLINE_LOG_LEVEL", "info"), ("NO_COLOR", "1")])
    }

    /// Starts all of them.
    pub fn start_all(&self, more: &str) -> Vec<Running> {
        (0..self.hosts.len()).map(|index| self.start(index, more)).collect()
    }

    /// Starts all of them, and waits until all work and hear each other.
    pub fn running(&self, more: &str) -> Vec<Running> {
        let mut all = self.start_all(more);
        all.iter_mut().for_each(|one| says(one, "a peer is heard", self.hosts.len() - 1));
        all
    }

    /// The last frontier and digest, by one process and its own way to read the log.
    pub fn wanted(&self) -> (String, String) {
        let lines = self.home.ok("replay --log dir:log --every 24h");
        let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
        (last["frontier"].as_str().unwrap().to_owned(), last["digest"].as_str().unwrap().to_owned())
    }
}

/// Waits until a process that lives has said this so many times.
pub fn says(process: &mut Running, what: &str, times: usize) {
    wait_for(what, || {
        let said = process.stderr().matches(what).count();
        assert!(said >= times || process.is_alive(), "{what:?} was not said {times} times: {}", process.stderr());
        (said >= times).then_some(())
    });
}

/// What processes ended with, by index.
pub fn ended(processes: Vec<Running>) -> Vec<Ended> {
    processes.into_iter().enumerate().map(|(index, one)| one.end(&format!("process {index}"))).collect()
}

/// Connects like a peer and says this; returns what is answered.
pub fn hello(to: SocketAddr, hello: &Value) -> Value {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let body = hello.to_string();
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

/// A hello of a process of another build.
pub fn other_build(index: usize, processes: usize, epoch: Option<u64>) -> Value {
    json!({"protocol": 1, "build": 1, "processes": processes, "index": index, "about": {}, "epoch": epoch})
}
