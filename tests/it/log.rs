//! The log: one suite for the traits, run on every implementation, and tests of the directory log.

mod directory;

use tickline::log::address::LogAddress;

#[test]
fn directory_log_passes_the_suite() {
    crate::shared::log_suite::all(&|partitions| {
        let home = tempfile::tempdir().unwrap();
        let address: LogAddress = format!("dir:{}", home.path().join("log").display()).parse().unwrap();
        let log = address.create(partitions).unwrap();
        let writer = address.open_writer().unwrap();
        crate::shared::log_suite::Subject { log, writer, record_bytes_max: usize::MAX, home: Box::new(home) }
    });
}
