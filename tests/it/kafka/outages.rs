//! A log that is cut under a reader, and a broker that stops answering.

use std::time::{Duration, Instant};

use dataflows::log::batch::RecordBatch;
use tickline::exit_code::ExitCode as _;
use tickline::log::address::LogAddress;
use tickline::log::{LogError, PartitionReader};

use crate::kafka::damage::remove_records;
use crate::shared::broker::Broker;
use crate::shared::pids::{signal, wait_until};
use crate::shared::process::{Home, wait_for};

/// How long a broker stands: longer than a reader waits for its answer.
const STANDS: Duration = Duration::from_secs(17);

fn fill(address: &LogAddress, records: u64) {
    let mut writer = address.open_writer().unwrap();
    (0..records).for_each(|n| writer.append(0, None, format!("record {n}").as_bytes()).unwrap());
    writer.sync().unwrap();
}

fn read_to(reader: &mut dyn PartitionReader, end: u64) {
    let mut batch = RecordBatch::default();
    wait_until("all records", || {
        reader.read(&mut batch, 1 << 20).unwrap();
        reader.position() == end
    });
}

#[test]
fn a_log_that_is_cut_under_its_reader_is_lost() {
    let data = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(data.path());
    broker.create_topic("t", 1);
    let open = |options: &str| {
        let address: LogAddress = format!("{}{options}", broker.log_address("t")).parse().unwrap();
        let log = address.open().unwrap();
        let reader = log.reader(0, 0).unwrap();
        (address, log, reader)
    };
    let mut readers = ["", "?reader=librdkafka"].map(open);
    fill(&readers[0].0, 10);
    readers.iter_mut().for_each(|(_, _, reader)| read_to(&mut **reader, 10));
    broker.server.end();
    remove_records(data.path(), "t-0");
    broker.server.restart();
    // More records than before, so that the offset of the reader is one of the new log.
    fill(&readers[0].0, 50);
    for (_, log, reader) in &mut readers {
        let mut batch = RecordBatch::default();
        let error = wait_for("the reader fails", || {
            let failed = reader.read(&mut batch, 1 << 20).err();
            assert!(batch.records.is_empty(), "a record of the log that has grown again");
            failed
        });
        assert!(matches!(error, LogError::OffsetLost { partition: 0, wanted: 10, .. }), "{error}");
        assert_eq!((error.exit_code(), log.end_offset(0).unwrap()), (3, 50), "{error}");
    }
}

#[test]
fn a_broker_that_stops_answering_is_waited_for() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let broker = Broker::start(data.path());
    broker.create_topic("t", 1);
    let log = broker.log_address("t");
    home.simulate("one.jsonl", 500, "2024-06-03T13:30:00Z");
    home.simulate("two.jsonl", 500, "2024-06-03T14:30:00Z");
    home.ok(&format!("import one.jsonl --log {log}"));
    let mut work = home.start(&format!("work --log {log} --store sqlite:rows.db"));
    let frontier = || home.run("status --store sqlite:rows.db --format json").stdout;
    wait_for("the first file", || frontier().contains("2024-06-03T13:").then_some(()));
    let since = Instant::now();
    signal(broker.server.pid, "-STOP");
    wait_until("the reader gives up its connection", || work.stderr().contains("fetch failed; retrying"));
    assert!(since.elapsed() < 2 * STANDS, "{:?}", since.elapsed());
    std::thread::sleep(STANDS.saturating_sub(since.elapsed()));
    assert!(work.is_alive(), "{}", work.stderr());
    signal(broker.server.pid, "-CONT");
    // It has lost its own session with itself, too, and may answer late at first.
    wait_for("the broker answers again", || {
        (home.run(&format!("source list --log {log}")).code == Some(0)).then_some(())
    });
    home.ok(&format!("import two.jsonl --log {log}"));
    wait_for("the second file", || frontier().contains("2024-06-03T14:").then_some(()));
    wait_until("the end of the outage is said", || work.stderr().contains("connected to Kafka again"));
    work.terminate();
    let ended = work.end("the worker");
    ended.is(0, &["no answer within 15 s"]);
    // Not one line per try: for each new reason, as the new epoch of the leader, there is one.
    assert!(ended.stderr.matches("fetch failed").count() <= 3, "{}", ended.stderr);
    let replayed = home.ok(&format!("replay --log {log}"));
    let digest = |text: &str| text.rsplit_once("\"digest\":\"").unwrap().1[..32].to_owned();
    let status: serde_json::Value = serde_json::from_str(&frontier()).unwrap();
    assert_eq!(status["digest"], digest(&replayed));
}
