//! A directory log of one partition, written by hand.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::shared::process::Home;

/// The log `log` of a home.
pub struct Hand(PathBuf);

impl Hand {
    pub fn new(home: &Home) -> Self {
        std::fs::create_dir(home.path("log")).unwrap();
        Self(home.path("log/partition-00000.jsonl"))
    }

    /// The same log, for another thread.
    pub fn at(home: &Home) -> Self {
        Self(home.path("log/partition-00000.jsonl"))
    }

    pub fn append(&self, records: &[Value]) {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.0).unwrap();
        let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
        file.write_all(lines.as_bytes()).unwrap();
    }
}

pub fn trade(event_ms: u64, price: f64, volume: f64) -> Value {
    json!({ "s": "AAPL", "p": price, "v": volume, "t": event_ms })
}

pub fn progress(event_ms: u64) -> Value {
    json!({ "type": "progress", "source": "hand", "event_ms": event_ms })
}

/// A file for a picture, outside the repository's files.
pub fn picture(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(format!("{name}.png")).display().to_string()
}
