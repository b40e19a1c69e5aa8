//! A simulator, and a directory for a book and a cache.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dataflows::progress::time::DAY_MS;
use dataflows::symbols::entry::Entry;
use simulator::rest_fault::RestFaults;
use simulator::{Simulator, SimulatorConfig, serve};
use tickline::finnhub::Secret;
use tickline::finnhub::rest::RestConfig;
use tickline::log::address::LogAddress;
use tickline::store::address::StoreAddress;
use tickline::symbols::book::Book;
use tickline::symbols::{Report, SyncConfig, SyncError, sync};

/// The first day of the tests, and a time on it.
pub const DAY: u64 = 20_000 * DAY_MS;
pub const MORNING: u64 = DAY + 8 * 3_600_000;

/// The API token, which must not appear anywhere.
pub const CANARY: &str = "canary-5ecret-key";

pub struct World {
    home: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn store(&self) -> StoreAddress {
        format!("sqlite:{}", self.path("store.db").display()).parse().unwrap()
    }

    pub fn log(&self) -> LogAddress {
        format!("dir:{}", self.path("log").display()).parse().unwrap()
    }

    /// The store's entries, by symbol.
    pub fn stored(&self) -> BTreeMap<String, Entry> {
        let entries = self.store().open_reader().unwrap().symbols(&mut |_| true).unwrap();
        entries.into_iter().map(|entry| (entry.symbol.to_string(), entry)).collect()
    }

    /// The log's records, and the newest entry of each symbol.
    pub fn logged(&self) -> (usize, BTreeMap<String, Entry>) {
        let text = std::fs::read_to_string(self.path("log/partition-00000.jsonl")).unwrap();
        let entries = text.lines().map(|line| Entry::decode(line.as_bytes()).unwrap());
        (text.lines().count(), entries.map(|entry| (entry.symbol.to_string(), entry)).collect())
    }

    pub fn config(&self, simulator: &Simulator, exchanges: &[&str]) -> SyncConfig {
        let rest = RestConfig {
            calls_per_minute_max: u32::MAX,
            pause_min: std::time::Duration::from_millis(1),
            ..RestConfig::new(format!("http://{}/api/v1", simulator.addr()), Secret::new(CANARY))
        };
        let exchanges = exchanges.iter().map(|exchange| (*exchange).to_owned()).collect();
        SyncConfig { rest, cache: self.path("cache"), exchanges }
    }

    /// Syncs into the store.
    pub async fn sync(&self, simulator: &Simulator, now_ms: u64, exchanges: &[&str]) -> Result<Report, SyncError> {
        let mut book = Book::open(Some(&self.store()), None)?;
        sync(&self.config(simulator, exchanges), &mut book, now_ms, &mut |_| {}).await
    }
}

/// A simulator with this number of instruments.
pub async fn simulator(symbols: usize, rest_faults: RestFaults) -> Simulator {
    let config = SimulatorConfig { symbols, rest_faults, calls_per_minute_max: u32::MAX, ..Default::default() };
    serve(config).await.unwrap()
}
