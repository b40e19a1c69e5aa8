//! The log: one suite over the traits, run over every implementation, and what only the directory log promises.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

mod directory;
#[path = "../shared/log_suite.rs"]
mod suite;

use tickline::log::address::LogAddress;

#[test]
fn directory_keeps_the_contract() {
    suite::all(&|partitions| {
        let home = tempfile::tempdir().unwrap();
        let address: LogAddress = format!("dir:{}", home.path().join("log").display()).parse().unwrap();
        let log = address.create(partitions).unwrap();
        let writer = address.open_writer().unwrap();
        suite::Subject { log, writer, record_bytes_max: usize::MAX, home: Box::new(home) }
    });
}
