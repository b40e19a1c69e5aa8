//! The whole pipeline over a file of real trades: import, work, and the rows as they lie in SQLite.

use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::folder::Bar;

/// A log and a store made from one file.
pub struct Pipeline {
    dir: tempfile::TempDir,
    settings: Vec<String>,
}

impl Pipeline {
    /// Imports the trades of `name` and works through them.
    pub fn new(folder: &Path, name: &str, settings: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pipeline = Self { dir, settings: settings.iter().map(|word| (*word).to_owned()).collect() };
        let file = folder.join(format!("{name}.trades.jsonl.gz"));
        pipeline.run(&["import", file.to_str().unwrap(), "--log", "dir:log"], &[]);
        pipeline.with_settings(&[
            "work",
            "--log",
            "dir:log",
            "--store",
            "sqlite:rows.db",
            "--until-end",
            "--workers",
            "2",
        ]);
        pipeline
    }

    /// Runs a command of the program with the settings of this pipeline, and returns what it printed.
    pub fn with_settings(&self, words: &[&str]) -> String {
        self.run(words, &self.settings)
    }

    fn run(&self, words: &[&str], settings: &[String]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickline"));
        command.args(words).args(settings).current_dir(self.dir.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The counts of the frontier row.
    pub fn counter(&self, name: &str) -> u64 {
        let status = self.run(&["status", "--store", "sqlite:rows.db", "--format", "json"], &[]);
        let status: Value = serde_json::from_str(&status).unwrap();
        status["counters"][name].as_u64().unwrap_or_else(|| panic!("{name}: {status}"))
    }

    /// All that was refused, whatever the reason.
    pub fn refused(&self) -> u64 {
        self.open().query_row("SELECT count(*) FROM rejected", [], |row| row.get(0)).unwrap()
    }

    fn open(&self) -> Connection {
        let path: PathBuf = self.dir.path().join("rows.db");
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
    }

    /// The candles of one symbol, ascending.
    pub fn candles(&self, symbol: &str, seconds: u64) -> Vec<Bar> {
        let names = [(5, "5s"), (60, "1m"), (300, "5m"), (3_600, "1h"), (86_400, "1d")];
        let (_, name) = names.into_iter().find(|(length, _)| *length == seconds).unwrap();
        let columns = "window_start, open, high, low, close, volume, notional, trades";
        let sql = format!("SELECT {columns} FROM candles_{name} WHERE symbol = ?1 ORDER BY window_start");
        let bar = |row: &rusqlite::Row<'_>| {
            Ok(Bar {
                start_ms: row.get(0)?,
                open: row.get(1)?,
                high: row.get(2)?,
                low: row.get(3)?,
                close: row.get(4)?,
                volume: row.get(5)?,
                notional: row.get(6)?,
                trades: row.get(7)?,
            })
        };
        self.open().prepare(&sql).unwrap().query_map([symbol], bar).unwrap().map(|bar| bar.unwrap()).collect()
    }
}
