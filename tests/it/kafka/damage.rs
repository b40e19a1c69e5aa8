//! A byte that changes on the broker's disk.

use std::path::{Path, PathBuf};

use crate::shared::broker::Broker;
use crate::shared::process::Home;
use crate::shared::tables;

/// Trades of one symbol, one per second.
fn trades() -> String {
    let trade = |n: u64| {
        format!("{{\"c\":[\"1\"],\"p\":{}.25,\"s\":\"A\",\"t\":{},\"v\":1}}\n", 100 + n, 1_700_000_000_000 + n * 1_000)
    };
    (0..200).map(trade).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Removes what a broker that is down holds of a partition. The partition keeps its place, and the topic its id.
pub fn remove_records(data: &Path, partition: &str) {
    let segments = |path: &PathBuf| path.parent().is_some_and(|dir| dir.ends_with(partition));
    let (mut removed, ends) = (0, ["log", "index", "timeindex", "snapshot"]);
    for path in files(data).into_iter().filter(segments) {
        if path.extension().is_some_and(|end| ends.iter().any(|other| end == *other)) {
            std::fs::remove_file(&path).unwrap();
            removed += 1;
        }
    }
    assert!(removed > 0);
}

#[test]
fn a_flipped_byte_in_a_segment_ends_every_reader() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let mut broker = Broker::start(data.path());
    broker.create_topic("t", 1);
    let log = broker.log_address("t");
    // Uncompressed, so that the price can be found and the batch stays well formed.
    home.write("kafka.properties", "compression.type=none\n");
    home.write("trades.jsonl", trades());
    home.ok(&format!("import trades.jsonl --log {log}?config=kafka.properties"));
    home.ok(&format!("replay --log {log}"));
    broker.server.end();
    let (was, is) = (b"\"p\":150.25", b"\"p\":950.25");
    let mut flipped = 0;
    for path in files(data.path()).into_iter().filter(|path| path.extension().is_some_and(|end| end == "log")) {
        let mut bytes = std::fs::read(&path).unwrap();
        if let Some(at) = memchr::memmem::find(&bytes, was) {
            bytes[at..at + is.len()].copy_from_slice(is);
            std::fs::write(&path, bytes).unwrap();
            flipped += 1;
        }
    }
    assert_eq!(flipped, 1, "the price stands in one segment");
    broker.server.restart();
    let says = [" is damaged: partition 0, offset ", "CRC"];
    home.fails(&format!("replay --log {log}"), 3, &says);
    home.fails(&format!("replay --log {log}?reader=librdkafka"), 3, &says);
    home.fails(&format!("work --log {log} --store sqlite:rows.db --until-end"), 3, &says);
    home.fails(&format!("import --from-log {log} --log dir:copy"), 3, &says);
}

#[test]
fn a_topic_that_was_cut_and_grew_again_ends_the_worker() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let mut broker = Broker::start(data.path());
    broker.create_topic("t", 1);
    let log = broker.log_address("t");
    home.write("trades.jsonl", trades());
    let (import, work) =
        (format!("import trades.jsonl --log {log}"), format!("work --log {log} --store sqlite:rows.db"));
    home.ok(&import);
    home.ok(&format!("{work} --until-end"));
    broker.server.end();
    remove_records(data.path(), "t-0");
    broker.server.restart();
    // The same records at the same offsets, and more.
    home.ok(&import);
    home.ok(&format!("{import} --again"));
    let before = tables::all(&home.path("rows.db"));
    home.fails(&format!("{work} --until-end"), 3, &["/t, partition 0: the record at offset ", "has grown again"]);
    assert!(tables::all(&home.path("rows.db")) == before, "rows were written");
}
