//! From a frontier row that is there to pixels in a real browser, and how soon a page that is opened is painted.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tickline::store::address::StoreAddress;

use super::Running;
use super::percentile::percentile;

/// What the script tells.
#[derive(serde::Deserialize)]
struct Seen {
    paints: Vec<f64>,
    drawn: Vec<(u64, f64)>,
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs_f64() * 1e3
}

/// Asks the store a thousand times a second, and notes when each frontier was there first.
fn watch(store: &StoreAddress, stop: &AtomicBool) -> BTreeMap<u64, f64> {
    let mut reader = store.open_reader().expect("the demo has made it");
    let mut seen = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        if let Some(frontier) = reader.frontier().expect("the store can be read") {
            seen.entry(frontier.row.frontier).or_insert_with(now_ms);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    seen
}

fn look(address: &str, loads: usize, seconds: usize) -> Seen {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tools = Command::new(root.join("scripts/page-tools")).stderr(Stdio::inherit()).output().expect("a script");
    assert!(tools.status.success());
    let chromium = std::env::var("TICKLINE_CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    let mut command = Command::new("node");
    command.arg(root.join("benches/dashboard/pixels.mjs")).args([loads.to_string(), seconds.to_string()]);
    command.env("TICKLINE_PAGE_TOOLS", String::from_utf8_lossy(&tools.stdout).trim_end());
    command.env("TICKLINE_CHROMIUM", chromium).env("TICKLINE_PAGE", format!("http://{address}"));
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().expect("node starts");
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).expect("the script tells JSON")
}

pub fn run(quick: bool) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (loads, seconds) = if quick { (5, 20) } else { (20, 120) };
    let mut demo = Running::start(&["demo", "--instruments", "500", "--data", "data", "--port", "0"], folder.path());
    let address = demo.address();
    let store: StoreAddress = format!("sqlite:{}", folder.path().join("data/tickline.db").display()).parse().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let watching = Arc::clone(&stop);
    let watcher = std::thread::spawn(move || watch(&store, &watching));
    let seen = look(&address, loads, seconds);
    stop.store(true, Ordering::Relaxed);
    let there = watcher.join().expect("the watcher ends");
    let delays: Vec<f64> = seen.drawn.iter().filter_map(|(frontier, ms)| Some(ms - there.get(frontier)?)).collect();
    assert!(delays.len() > seconds / 2, "{} advances were drawn", delays.len());
    println!("\n| demo of 500 symbols, real browser | n | p50 ms | p90 ms | p99 ms | max ms |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let line = |what: &str, values: &[f64]| {
        let [p50, p90, p99, max] = [50, 90, 99, 100].map(|percent| percentile(values, percent));
        println!("| {what} | {} | {p50:.0} | {p90:.0} | {p99:.0} | {max:.0} |", values.len());
    };
    line("frontier row there -> drawn", &delays);
    line("page asked for -> first paint", &seen.paints);
}
