//! `work` catches up a log into SQLite, alternately without viewers and with 200 viewers of one dashboard. Then the
//! cost of 200 viewers to a live pipeline: CPU time of the demo, which runs in one process.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Running;
use super::percentile::percentile;

const VIEWERS: usize = 200;

/// Number of trades in the log, of 500 symbols.
const TRADES: u64 = 10_000_000;

fn tickline(args: &[&str], folder: &Path) -> f64 {
    let start = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickline"));
    let status = command.args(args).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.expect("the binary starts").success(), "{args:?}");
    start.elapsed().as_secs_f64()
}

/// Viewers that read until stopped, and the number of events they received.
struct Viewers {
    stop: Arc<AtomicBool>,
    events: Arc<AtomicU64>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Viewers {
    fn start(address: &str) -> Self {
        let (stop, events) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let one = |_| {
            let mut stream = TcpStream::connect(address).expect("the page answers");
            let request = format!("GET /api/stream?indicators=true HTTP/1.1\r\nHost: {address}\r\n\r\n");
            stream.write_all(request.as_bytes()).expect("the page reads");
            stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
            let (stop, events) = (Arc::clone(&stop), Arc::clone(&events));
            std::thread::spawn(move || read(stream, &stop, &events))
        };
        let threads = (0..VIEWERS).map(one).collect();
        Self { stop, events, threads }
    }

    fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().expect("a viewer ends"));
        self.events.load(Ordering::Relaxed)
    }
}

fn read(mut stream: TcpStream, stop: &AtomicBool, events: &AtomicU64) {
    let mut buffer = vec![0; 64 << 10];
    while !stop.load(Ordering::Relaxed) {
        match stream.read(&mut buffer) {
            Ok(0) => panic!("the page has turned a viewer away"),
            Ok(read) => {
                let found = memchr::memmem::find_iter(&buffer[..read], b"event: frontier").count();
                events.fetch_add(found as u64, Ordering::Relaxed);
            }
            // No event for a while.
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

pub fn run(quick: bool) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let trades = if quick { TRADES / 3 } else { TRADES };
    let file = std::fs::File::create(folder.join("trades.jsonl")).expect("the folder is ours");
    let count = trades.to_string();
    let mut simulate = Command::new(env!("CARGO_BIN_EXE_tickline"));
    let simulate = simulate.args(["simulate", "--print", &count, "--instruments", "500", "--activity", "8"]);
    assert!(simulate.stdout(file).status().expect("the binary starts").success());
    tickline(&["import", "trades.jsonl", "--log", "dir:log"], folder);
    println!("\n| work into SQLite | alone, M trades/s | with {VIEWERS} viewers | share | events sent |");
    println!("| --- | --- | --- | --- | --- |");
    for workers in ["1", "2"] {
        let (mut alone, mut viewed, mut shares, mut events) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for round in 0..if quick { 3 } else { 5 } {
            let work = |name: &str| {
                let store = format!("sqlite:{name}.db");
                let args = ["work", "--log", "dir:log", "--store", &store, "--workers", workers, "--until-end"];
                trades as f64 / 1e6 / tickline(&args, folder)
            };
            let name = format!("{workers}-{round}");
            let without = work(&format!("{name}-alone"));
            // An empty store with its tables, for the dashboard to open.
            let watched = format!("sqlite:{name}-viewed.db");
            tickline(&["setup", "--store", &watched], folder);
            let mut page = Running::start(&["dashboard", "--store", &watched, "--listen", "127.0.0.1:0"], folder);
            let viewers = Viewers::start(&page.address());
            let with = work(&format!("{name}-viewed"));
            events += viewers.end();
            alone.push(without);
            viewed.push(with);
            shares.push(with / without);
        }
        let [alone, viewed, share] = [alone, viewed, shares].map(|values| percentile(&values, 50));
        let share = share * 100.0;
        println!("| {workers} workers | {alone:.2} | {viewed:.2} | {share:.0} % | {events} |");
    }
    live(folder, if quick { 10 } else { 30 });
}

/// CPU seconds of a process so far, in the kernel's ticks (hundredths).
fn processor_seconds(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("it lives");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum();
    ticks as f64 / 100.0
}

fn live(folder: &Path, seconds: u64) {
    let mut demo = Running::start(&["demo", "--instruments", "500", "--data", "live", "--port", "0"], folder);
    let address = demo.address();
    let share = |wait: Duration| {
        let (begun, before) = (Instant::now(), processor_seconds(demo.0.0.id()));
        std::thread::sleep(wait);
        (processor_seconds(demo.0.0.id()) - before) / begun.elapsed().as_secs_f64() * 100.0
    };
    // The first seconds are startup.
    share(Duration::from_secs(5));
    let alone = share(Duration::from_secs(seconds));
    let viewers = Viewers::start(&address);
    share(Duration::from_secs(2));
    let viewed = share(Duration::from_secs(seconds));
    let events = viewers.end();
    println!("\n| demo of 500 symbols, live | of one core | events sent |\n| --- | --- | --- |");
    println!("| no viewers | {alone:.1} % | |\n| {VIEWERS} viewers | {viewed:.1} % | {events} |");
}
