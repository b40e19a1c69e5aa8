//! The log on a topic: the suite for every log, access by TLS and SASL, and data loss.

use std::path::Path;
use std::time::Duration;

use dataflows::log::batch::RecordBatch;
use rdkafka::admin::{AlterConfig, NewPartitions, ResourceSpecifier};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tickline::exit_code::ExitCode as _;
use tickline::log::address::LogAddress;
use tickline::log::{DeliveryReport, LogError, PartitionReader};

use crate::shared::broker::{Broker, log_address, shared, topic};
use crate::shared::log_suite as suite;
use crate::shared::pids::wait_until;

/// Options of an address: this program's own reader, and librdkafka's.
const READERS: [&str; 2] = ["", "?reader=librdkafka"];

fn address(text: &str) -> LogAddress {
    text.parse().unwrap()
}

fn fill(address: &LogAddress, partition: u32, records: u64) {
    let mut writer = address.open_writer().unwrap();
    for n in 0..records {
        writer.append(partition, None, format!("record {n}").as_bytes()).unwrap();
    }
    writer.sync().unwrap();
}

/// Reads until an error, and returns it.
fn until_it_fails(reader: &mut dyn PartitionReader) -> LogError {
    let mut batch = RecordBatch::default();
    let mut found = None;
    wait_until("the reader fails", || {
        found = reader.read(&mut batch, 1 << 20).err();
        found.is_some()
    });
    found.unwrap()
}

#[test]
fn a_topic_passes_the_suite() {
    for reader in READERS {
        suite::all(&|partitions| {
            let address = address(&format!("{}{reader}", log_address(&topic(partitions))));
            let (log, writer) = (address.open().unwrap(), address.open_writer().unwrap());
            suite::Subject { log, writer, record_bytes_max: (2 << 20) - 1_000, home: Box::new(()) }
        });
    }
}

#[test]
fn records_and_keys_are_read_unchanged() {
    let trade = |symbol: &str| format!(r#"{{"c":["1"],"p":1.50,"s":"{symbol}","t":1575526691134,"v":0}}"#);
    let frame = format!(r#"{{"type":"trade","data":[{0},{0}]}}"#, trade("IC MARKETS:1"));
    let records = [
        (Some("A"), trade("A")),
        (Some("IC MARKETS:1"), frame),
        (None, r#"{"type":"progress","source":"s","event_ms":5}"#.to_owned()),
        (None, r#"{"type":"gap","source":"s","from_ms":1,"to_ms":2,"cause":"x"}"#.to_owned()),
        (None, r#"{"type":"bye","source":"s"}"#.to_owned()),
        (None, "no JSON".to_owned()),
    ];
    let name = topic(1);
    let address = address(&log_address(&name));
    let mut writer = address.open_writer().unwrap();
    for (key, record) in &records {
        writer.append(0, key.map(str::as_bytes), record.as_bytes()).unwrap();
    }
    writer.sync().unwrap();
    let log = address.open().unwrap();
    let read = suite::drain(&*log, &mut *log.reader(0, 0).unwrap(), 1 << 20);
    let texts: Vec<_> = read.iter().map(|(_, bytes, _)| std::str::from_utf8(bytes).unwrap()).collect();
    assert_eq!(texts, records.each_ref().map(|(_, record)| record.as_str()));
    let keys = records.each_ref().map(|(key, _)| key.map(str::to_owned));
    assert_eq!(shared().keys(&name, records.len()), keys);
}

#[test]
fn every_record_is_reported_once() {
    let mut writer = address(&log_address(&topic(2))).open_writer().unwrap();
    for n in 0..1_000 {
        writer.append(n % 2, None, b"{}").unwrap();
    }
    writer.sync().unwrap();
    let mut durable = 0;
    writer.delivery_reports(&mut |report| durable += u32::from(matches!(report, DeliveryReport::Acknowledged { .. })));
    assert_eq!(durable, 1_000);
    writer.delivery_reports(&mut |_| durable += 1);
    assert_eq!(durable, 1_000, "each is reported once");
}

#[test]
fn an_unacknowledged_record_is_reported_as_lost() {
    let home = tempfile::tempdir().unwrap();
    let broker = Broker::start(home.path());
    broker.create_topic("t", 1);
    let config = home.path().join("client.properties");
    std::fs::write(&config, "message.timeout.ms=1500\n").unwrap();
    let address = address(&format!("{}?config={}", broker.log_address("t"), config.display()));
    let mut writer = address.open_writer().unwrap();
    let mut report = |record: &[u8]| {
        writer.append(0, None, record).unwrap();
        writer.sync().unwrap();
        let mut reports = Vec::new();
        writer.delivery_reports(&mut |report| reports.push(report));
        reports
    };
    // A broker that has just started may take longer than the timeout.
    wait_until("an acknowledgement", || matches!(report(b"before")[..], [DeliveryReport::Acknowledged { .. }]));
    broker.server.kill();
    let reports = report(b"after");
    let is_lost = matches!(reports[..], [DeliveryReport::Lost { partition: 0, after }] if after.as_millis() > 1_000);
    assert!(is_lost, "{reports:?}");
}

#[test]
fn tls_and_sasl_come_from_the_file() {
    let name = topic(1);
    fill(&address(&log_address(&name)), 0, 3);
    let home = tempfile::tempdir().unwrap();
    let open = |mechanism: &str, password: &str, ca: &Path, reader: &str| {
        let config = home.path().join("client.properties");
        let text = format!(
            "security.protocol=sasl_ssl\nssl.ca.location={}\nsasl.mechanism={mechanism}\nsasl.username=tickline\n\
             sasl.password={password}\n",
            ca.display()
        );
        std::fs::write(&config, text).unwrap();
        let options =
            format!("{}config={}", if reader.is_empty() { "?" } else { "?reader=librdkafka&" }, config.display());
        address(&format!("kafka://{}/{name}{options}", shared().sasl_ssl)).open()
    };
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        for options in READERS {
            let log = open(mechanism, "tickline-secret", &shared().ca, options).unwrap();
            let mut reader = log.reader(0, 0).unwrap();
            assert_eq!(suite::drain(&*log, &mut *reader, 1 << 20).len(), 3, "{mechanism}{options}");
        }
    }
    let error = open("PLAIN", "canary-password", &shared().ca, "").err().unwrap();
    assert_eq!(error.exit_code(), 2);
    let text = error.to_string();
    assert!(text.contains("uthentication") && !text.contains("canary"), "{text}");
}

#[test]
fn records_removed_by_retention_are_an_error() {
    let name = topic(1);
    let address = address(&log_address(&name));
    fill(&address, 0, 100);
    let log = address.open().unwrap();
    let mut behind = log.reader(0, 10).unwrap();
    // The reader has delivered nothing yet, but may have prefetched records.
    let (runtime, admin, options) = shared().admin();
    let specifier = ResourceSpecifier::Topic(&name);
    let short = AlterConfig::new(specifier).set("retention.ms", "1").set("segment.ms", "1000");
    runtime.block_on(admin.alter_configs([&short], &options)).unwrap().into_iter().for_each(|r| drop(r.unwrap()));
    wait_until("retention removes the records", || {
        fill(&address, 0, 1);
        std::thread::sleep(Duration::from_millis(200));
        log.first_offset(0).unwrap() > 50
    });
    let error = log.reader(0, 10).err().unwrap();
    let text = error.to_string();
    assert!(matches!(error, LogError::OffsetLost { wanted: 10, first, .. } if first > 50), "{text}");
    assert!(text.contains(&name) && text.contains("partition 0") && text.contains("offset 10"), "{text}");
    assert_eq!(error.exit_code(), 3);
    // A reader with prefetched records delivers every offset, or fails; it never skips any.
    let mut batch = RecordBatch::default();
    let mut next = 10;
    while next < 100 {
        match behind.read(&mut batch, 1 << 20) {
            Ok(()) => {}
            Err(error) => {
                assert!(matches!(error, LogError::OffsetLost { wanted, .. } if wanted == next), "{error}");
                break;
            }
        }
        for span in &batch.records {
            assert_eq!(span.offset, next);
            next += 1;
        }
    }
}

#[test]
fn a_recreated_topic_is_another_log() {
    let name = topic(1);
    let address = address(&log_address(&name));
    fill(&address, 0, 10);
    let log = address.open().unwrap();
    let mut reader = log.reader(0, 0).unwrap();
    assert_eq!(suite::drain(&*log, &mut *reader, 1 << 20).len(), 10);
    let (runtime, admin, options) = shared().admin();
    runtime.block_on(admin.delete_topics(&[&name], &options)).unwrap().into_iter().for_each(|r| drop(r.unwrap()));
    let client: BaseConsumer = shared().client_config().create().unwrap();
    wait_until("the topic is deleted", || {
        let metadata = client.fetch_metadata(None, Duration::from_secs(10)).unwrap();
        metadata.topics().iter().all(|topic| topic.name() != name)
    });
    shared().create_topic(&name, 1);
    fill(&address, 0, 20);
    for _ in 0..2 {
        let error = until_it_fails(&mut *reader);
        assert!(matches!(error, LogError::Replaced { .. }) && error.exit_code() == 3, "{error}");
        assert!(error.to_string().contains(&name), "{error}");
    }
    assert_ne!(address.open().unwrap().identity(), log.identity());
}

#[test]
fn added_partitions_are_an_error() {
    let name = topic(1);
    let address = address(&log_address(&name));
    let log = address.open().unwrap();
    let mut reader = log.reader(0, 0).unwrap();
    let (runtime, admin, options) = shared().admin();
    let more = NewPartitions::new(&name, 3);
    runtime.block_on(admin.create_partitions([&more], &options)).unwrap().into_iter().for_each(|r| drop(r.unwrap()));
    for _ in 0..2 {
        let error = until_it_fails(&mut *reader);
        assert!(matches!(error, LogError::PartitionsChanged { was: 1, is: 3, .. }), "{error}");
        assert_eq!(error.exit_code(), 3);
    }
}

#[test]
fn reading_continues_after_a_broker_restart() {
    let home = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(home.path());
    broker.create_topic("t", 1);
    let addresses = READERS.map(|reader| address(&format!("{}{reader}", broker.log_address("t"))));
    fill(&addresses[0], 0, 5);
    let mut readers = addresses.each_ref().map(|address| {
        let log = address.open().unwrap();
        let mut reader = log.reader(0, 0).unwrap();
        assert_eq!(suite::drain(&*log, &mut *reader, 1 << 20).len(), 5);
        (log, reader)
    });
    broker.server.kill();
    let mut batch = RecordBatch::default();
    for (_, reader) in &mut readers {
        reader.read(&mut batch, 1 << 20).unwrap();
        assert!(batch.records.is_empty());
    }
    broker.server.restart();
    fill(&addresses[0], 0, 5);
    for (log, mut reader) in readers {
        let records = suite::drain(&*log, &mut *reader, 1 << 20);
        assert_eq!(records.iter().map(|record| record.0).collect::<Vec<_>>(), [5, 6, 7, 8, 9]);
        // Each record says under which leader it was written, by which a log that was cut is known.
        let (mut reader, mut epochs) = (log.reader(0, 0).unwrap(), Vec::new());
        wait_until("all records", || {
            reader.read(&mut batch, 1 << 20).unwrap();
            epochs.extend(batch.records.iter().map(|span| span.leader_epoch.unwrap()));
            epochs.len() == 10
        });
        assert!(epochs[..5].iter().all(|epoch| *epoch == epochs[0]) && epochs[5] > epochs[4], "{epochs:?}");
        assert!(epochs[5..].iter().all(|epoch| *epoch == epochs[5]), "{epochs:?}");
    }
}

#[test]
fn new_records_wake_a_parked_reader() {
    const PARKED: Duration = Duration::from_secs(60);
    let address = address(&log_address(&topic(1)));
    let log = address.open().unwrap();
    let mut reader = log.reader(0, 0).unwrap();
    reader.wake(std::thread::current());
    let writing = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        fill(&address, 0, 1);
    });
    let (mut batch, start) = (RecordBatch::default(), std::time::Instant::now());
    loop {
        reader.read(&mut batch, 1 << 20).unwrap();
        if !batch.records.is_empty() {
            break;
        }
        std::thread::park_timeout(PARKED);
    }
    assert!(start.elapsed() < PARKED, "{:?}", start.elapsed());
    writing.join().unwrap();
}

#[test]
fn missing_topics_and_unreachable_clusters_differ() {
    let missing = address(&log_address("no-such-topic")).open().err().unwrap();
    assert!(matches!(missing, LogError::Missing { .. }) && missing.exit_code() == 2, "{missing}");
    assert!(!address(&log_address("no-such-topic")).exists().unwrap());
    let away = address("kafka://127.0.0.1:1/t").open().err().unwrap();
    assert!(matches!(away, LogError::Failed { .. }) && away.exit_code() == 1, "{away}");
    assert!(away.to_string().contains("127.0.0.1:1"), "{away}");
}

#[test]
fn no_record_of_a_topic_made_again_is_read() {
    // A reader past the end of the new topic fails for that already. One of a topic without records is at its beginning
    // as well, so that nothing but the topic's id keeps it from reading on.
    let rounds = READERS.iter().flat_map(|reader| [0, 10, 0, 10, 0].map(|records| (reader, records)));
    for (round, (reader, records)) in rounds.enumerate() {
        let name = topic(1);
        let address = address(&format!("{}{reader}", log_address(&name)));
        fill(&address, 0, records);
        let log = address.open().unwrap();
        let mut reader = log.reader(0, 0).unwrap();
        assert_eq!(suite::drain(&*log, &mut *reader, 1 << 20).len() as u64, records, "round {round}");
        let reading = std::thread::spawn(move || {
            let (mut batch, mut read) = (RecordBatch::default(), 0);
            loop {
                if let Err(error) = reader.read(&mut batch, 1 << 20) {
                    return (read, error);
                }
                read += batch.records.len();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        shared().make_again(&name, 1);
        let mut writer = None;
        wait_until("the broker knows the topic", || {
            writer = address.open_writer().ok();
            writer.is_some()
        });
        let mut writer = writer.unwrap();
        (0..1_000).for_each(|_| writer.append(0, None, b"new").unwrap());
        writer.sync().unwrap();
        let (read, error) = reading.join().unwrap();
        assert_eq!(read, 0, "round {round}: records of the new topic");
        assert!(matches!(error, LogError::Replaced { .. }) && error.exit_code() == 3, "{error}");
        assert!(error.to_string().contains(&name), "{error}");
    }
}
