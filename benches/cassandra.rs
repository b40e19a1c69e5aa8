//! The store on Cassandra: latency from trade to reader, rows per second, catching up from a backlog, and restart time.
//!
//! `cargo bench --bench cassandra` starts a real broker and a real node (`scripts/`), and `tickline work` between them;
//! all share this machine. `-- latency`, `rows`, `catch_up` or `restart` runs only that part; `-- --quick` shortens
//! all. Ratios compare medians of one run, in which both sides alternate.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench that cannot run must stop")]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use tickline::store::address::StoreAddress;
use tickline::store::cassandra;

#[path = "support/broker.rs"]
mod broker;
#[path = "cassandra/catch_up.rs"]
mod catch_up;
#[path = "cassandra/driver.rs"]
mod driver;
#[path = "support/input.rs"]
#[allow(dead_code, reason = "the other benches use the rest")]
mod input;
#[path = "cassandra/latency.rs"]
mod latency;
#[path = "cassandra/live.rs"]
mod live;
#[path = "cassandra/made_up.rs"]
mod made_up;
#[path = "support/percentile.rs"]
mod percentile;
#[path = "support/process.rs"]
mod process;
#[path = "cassandra/restart.rs"]
mod restart;
#[path = "cassandra/rows.rs"]
mod rows;

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Fixture of all parts.
struct Servers {
    broker: broker::Broker,
    node: broker::Broker,
    folder: PathBuf,
    quick: bool,
}

impl Servers {
    /// Address of a topic.
    fn log(&self, topic: &str) -> String {
        format!("kafka://{}/{topic}", self.broker.address)
    }

    /// Address of a keyspace; created with its tables if it does not exist.
    fn store(&self, keyspace: &str) -> String {
        let text = format!("cassandra://{}/{keyspace}", self.node.address);
        let StoreAddress::Cassandra(address) = text.parse().unwrap() else { panic!("{text} is one") };
        cassandra::set_up(&address, 1).unwrap();
        text
    }
}

/// A running `tickline`.
struct Running(process::Process);

impl Running {
    /// Starts one; its output goes to a file next to the servers' data.
    fn start(servers: &Servers, name: &str, line: &str) -> Self {
        let log = std::fs::File::create(servers.folder.join(format!("{name}.log"))).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickline"));
        command.args(line.split_whitespace()).current_dir(&servers.folder);
        Self(process::Process::spawn(command.stdout(Stdio::null()).stderr(log)))
    }

    /// Waits for a successful exit.
    fn wait(&mut self) {
        let status = self.0.0.wait().unwrap();
        assert!(status.success(), "tickline ended with {status}");
    }

    /// Fails if it has exited.
    fn assert_runs(&mut self) {
        assert!(self.0.0.try_wait().unwrap().is_none(), "tickline has ended");
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let quick = words.iter().any(|word| word == "--quick");
    let is_wanted = |part: &str| words.iter().all(|word| word == "--quick" || word == part);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let broker = broker::start(&folder.path().join("kafka"));
    let node = broker::start_node(&folder.path().join("cassandra"));
    let servers = Servers { broker, node, folder: folder.path().to_owned(), quick };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores, shared with the broker and the node");
    for (part, run) in [
        ("rows", rows::run as fn(&Servers)),
        ("catch_up", catch_up::run),
        ("latency", latency::run),
        ("restart", restart::run),
    ] {
        if is_wanted(part) {
            println!("\n## {part}\n");
            run(&servers);
        }
    }
}
