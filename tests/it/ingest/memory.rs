//! Log in memory, and an ingest into it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tickline::finnhub::{FeedConfig, Secret};
use tickline::ingest::{IngestConfig, IngestReport, ingest};
use tickline::log::{LogError, LogWriter};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Deadline of every wait.
pub const DEADLINE: Duration = Duration::from_secs(60);
pub const PARTITIONS: usize = 4;

#[derive(Clone, Default)]
pub struct Memory {
    pub records: Arc<Mutex<BTreeMap<u32, Vec<String>>>>,
    pub fails: bool,
}

impl Memory {
    pub fn of(&self, partition: usize) -> Vec<String> {
        self.records.lock().unwrap().get(&(partition as u32)).cloned().unwrap_or_default()
    }

    /// The records of a partition with this `type`.
    pub fn control(&self, partition: usize, kind: &str) -> Vec<Value> {
        let all = self.of(partition).into_iter().filter_map(|record| serde_json::from_str::<Value>(&record).ok());
        all.filter(|record| record["type"] == kind).collect()
    }

    /// Time of the last progress record of a partition, in Unix milliseconds; 0 without one.
    pub fn progress_ms(&self, partition: usize) -> u64 {
        self.control(partition, "progress").last().map_or(0, |progress| progress["event_ms"].as_u64().unwrap())
    }

    /// Asserts that in no partition a gap record begins before progress that was reported earlier.
    pub fn assert_no_gap_in_complete_time(&self) {
        for partition in 0..PARTITIONS {
            let mut complete_ms = 0;
            for record in self.of(partition) {
                let Ok(record) = serde_json::from_str::<Value>(&record) else { continue };
                if record["type"] == "progress" {
                    complete_ms = record["event_ms"].as_u64().unwrap();
                } else if record["type"] == "gap" {
                    assert!(complete_ms <= record["from_ms"].as_u64().unwrap(), "{complete_ms} was complete: {record}");
                }
            }
        }
    }

    /// The elements of a partition, joined by commas in the order of the log.
    pub fn elements(&self, partition: usize) -> String {
        let mut inner = Vec::new();
        for record in self.of(partition) {
            if let Some(data) = record.strip_prefix(r#"{"type":"trade","data":["#) {
                inner.push(data.strip_suffix("]}").expect("a whole frame").to_owned());
            } else if !record.starts_with(r#"{"type":"#) {
                inner.push(record);
            }
        }
        inner.join(",")
    }
}

impl LogWriter for Memory {
    fn partitions(&self) -> u32 {
        PARTITIONS as u32
    }

    fn append(&mut self, partition: u32, _: Option<&[u8]>, record: &[u8]) -> Result<(), LogError> {
        if self.fails {
            return Err(LogError::Locked { path: "memory".to_owned(), holder: "a test".to_owned() });
        }
        let record = String::from_utf8(record.to_vec()).expect("UTF-8");
        self.records.lock().unwrap().entry(partition).or_default().push(record);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    fn sync(&mut self) -> Result<(), LogError> {
        Ok(())
    }
}

pub fn config(url: String, token: &str, symbols: &[&str]) -> IngestConfig {
    let symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
    let mut feed = FeedConfig::new(url, Secret::new(token), symbols);
    feed.pause_min = Duration::from_millis(10);
    feed.pause_max = Duration::from_millis(100);
    // Not reached where silence is not the subject.
    feed.liveness_timeout = DEADLINE;
    let mut config = IngestConfig::new(feed, "test".to_owned());
    config.progress_every = Duration::from_millis(20);
    config
}

pub type Running = JoinHandle<anyhow::Result<IngestReport>>;

pub fn start(config: IngestConfig, memory: &Memory) -> (watch::Sender<bool>, Running) {
    let (stop, stopping) = watch::channel(false);
    (stop, tokio::spawn(ingest(config, Box::new(memory.clone()), stopping)))
}

pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(DEADLINE, waiting).await.is_ok(), "timeout while waiting for {what}");
}

pub async fn end(stop: &watch::Sender<bool>, running: Running) -> anyhow::Result<IngestReport> {
    stop.send_replace(true);
    timeout(DEADLINE, running).await.expect("an end in time").expect("no panic")
}
