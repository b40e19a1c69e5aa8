//! The two readers of a topic give the same: offset, time, bytes, leader epoch, and where they end, whatever the codec,
//! the producer and what is left of the log.

use std::time::Duration;

use dataflows::log::batch::RecordBatch;
use rand::{RngExt as _, SeedableRng as _};
use rdkafka::TopicPartitionList;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::Offset;
use tickline::log::Log;
use tickline::log::address::LogAddress;

use crate::shared::broker::{Broker, log_address, shared, topic};
use crate::shared::pids::wait_until;
use crate::shared::process::{DEADLINE, Home, wait_for};

const SECONDS: Duration = Duration::from_secs(60);
const T0: i64 = 1_717_421_400_000;
/// Places in a long partition at which reading is begun.
const PLACES: usize = 50;

/// What a reader says of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    offset: u64,
    timestamp_ms: Option<i64>,
    bytes: Vec<u8>,
    total_len: u64,
    leader_epoch: Option<i32>,
    is_tombstone: bool,
}

/// A topic, opened for each of the readers.
struct Twins {
    ours: Box<dyn Log>,
    librdkafka: Box<dyn Log>,
}

impl Twins {
    fn open(name: &str) -> Self {
        let open = |options: &str| format!("{}{options}", log_address(name)).parse::<LogAddress>().unwrap().open();
        Self { ours: open("").unwrap(), librdkafka: open("?reader=librdkafka").unwrap() }
    }

    /// Compares them from the first offset on, and this program's own from all others, or from some of them.
    fn compare(&self, what: &str, partition: u32) -> Vec<Seen> {
        let (first, end) = (self.ours.first_offset(partition).unwrap(), self.ours.end_offset(partition).unwrap());
        assert_eq!(end, self.librdkafka.end_offset(partition).unwrap());
        let whole = read(&*self.librdkafka, partition, first, end);
        let check = |log: &dyn Log, from: u64| {
            let read = read(log, partition, from, end);
            let expected = &whole[whole.partition_point(|seen| seen.offset < from)..];
            if let Some(at) = (0..expected.len().max(read.len())).find(|at| read.get(*at) != expected.get(*at)) {
                let brief = |seen: Option<&Seen>| seen.map(|seen| Seen { bytes: Vec::new(), ..seen.clone() });
                panic!(
                    "{what}, partition {partition} from {from}: {:?} {:?}",
                    brief(read.get(at)),
                    brief(expected.get(at))
                );
            }
        };
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(end);
        let places: Vec<u64> = match end - first {
            0..=300 => (first..=end).collect(),
            _ => (0..PLACES).map(|_| random.random_range(first..=end)).chain([first, end]).collect(),
        };
        places.iter().for_each(|from| check(&*self.ours, *from));
        places.iter().take(2).for_each(|from| check(&*self.librdkafka, *from));
        whole
    }
}

/// Reads a partition up to `end`, where the position must come to be.
fn read(log: &dyn Log, partition: u32, from: u64, end: u64) -> Vec<Seen> {
    let mut reader = log.reader(partition, from).unwrap();
    let (mut batch, mut all, start) = (RecordBatch::default(), Vec::new(), std::time::Instant::now());
    while reader.position() < end {
        reader.read(&mut batch, 1 << 20).unwrap();
        if batch.records.is_empty() {
            assert!(start.elapsed() < DEADLINE, "partition {partition} from {from}: at {} of {end}", reader.position());
            std::thread::sleep(Duration::from_millis(1));
        }
        all.extend(batch.records.iter().map(|span| Seen {
            offset: span.offset,
            timestamp_ms: span.timestamp_ms,
            bytes: batch.record(span).to_vec(),
            total_len: span.total_len,
            leader_epoch: span.leader_epoch,
            is_tombstone: span.is_tombstone,
        }));
    }
    assert_eq!(reader.position(), end, "partition {partition} from {from}");
    all
}

fn producer(broker: &Broker, settings: &[(&str, &str)]) -> BaseProducer {
    let mut config = broker.client_config();
    config.set("message.max.bytes", "9000000").set("linger.ms", "5");
    settings.iter().for_each(|(name, value)| _ = config.set(*name, *value));
    config.create().unwrap()
}

fn send(producer: &BaseProducer, topic: &str, partition: i32, n: i64, value: Option<&[u8]>) {
    // Compaction keeps the last record of each key.
    let key = if n % 4 == 0 { format!("own key {n}") } else { format!("key {}", n % 7) };
    let mut record = BaseRecord::to(topic).partition(partition).key(&key).timestamp(T0 + n * 250);
    record.payload = value;
    if n % 5 == 0 {
        let header = |key, value| Header { key, value };
        record = record.headers(OwnedHeaders::new().insert(header("h", Some("v"))).insert(header("", None::<&str>)));
    }
    let mut record = Some(record);
    wait_until("room in the producer's queue", || match producer.send(record.take().unwrap()) {
        Ok(()) => true,
        Err((_, again)) => {
            producer.poll(Duration::from_millis(5));
            record = Some(again);
            false
        }
    });
}

fn text(n: i64) -> Vec<u8> {
    format!(r#"{{"c":["1"],"p":{}.25,"s":"BINANCE:SYM{:03}USDT","t":{},"v":{n}}}"#, 100 + n % 9, n % 90, T0 + n).into()
}

/// Partition 0: batches of every length, null values, empty ones, headers. From an idempotent producer in partition 1.
fn plain(broker: &Broker, topic: &str, partition: i32, settings: &[(&str, &str)]) {
    let producer = producer(broker, settings);
    for n in 0..200 {
        let value = text(n);
        let value = match n % 11 {
            3 => None,
            4 => Some(&b""[..]),
            5 => Some(&b"x"[..]),
            _ => Some(value.as_slice()),
        };
        send(&producer, topic, partition, n, value);
        if n < 40 && n % 3 == 0 || n % 37 == 0 {
            producer.flush(SECONDS).unwrap();
        }
    }
    producer.flush(SECONDS).unwrap();
}

/// Two producers whose transactions alternate, batch by batch: some are committed and some aborted. The last one of the
/// first producer is left open, so nothing after its begin may be read.
fn transactions(broker: &Broker, topic: &str, partition: i32, settings: &[(&str, &str)]) -> [BaseProducer; 2] {
    let producers = ["a", "b"].map(|id| {
        let id = format!("{topic}-{id}");
        let producer = producer(broker, &[settings, &[("transactional.id", &id)]].concat());
        producer.init_transactions(SECONDS).unwrap();
        producer
    });
    let [one, other] = &producers;
    let mut n = 0;
    let mut write = |producer: &BaseProducer, count: i64| {
        for _ in 0..count {
            send(producer, topic, partition, n, Some(&text(n)));
            n += 1;
        }
        producer.flush(SECONDS).unwrap();
    };
    for round in 0..8 {
        one.begin_transaction().unwrap();
        write(one, 3);
        if round % 2 == 0 {
            other.begin_transaction().unwrap();
        }
        write(one, 2);
        write(other, 4);
        match round % 3 {
            0 => one.abort_transaction(SECONDS).unwrap(),
            _ => one.commit_transaction(SECONDS).unwrap(),
        }
        write(other, 1);
        match round % 4 {
            1 => other.abort_transaction(SECONDS).unwrap(),
            3 => other.commit_transaction(SECONDS).unwrap(),
            _ => {}
        }
    }
    one.begin_transaction().unwrap();
    write(one, 5);
    producers
}

/// Records of one byte, of 1 MiB, and of more than is asked for at a time.
fn sizes(broker: &Broker, topic: &str, partition: i32, settings: &[(&str, &str)]) {
    let producer = producer(broker, settings);
    for (n, len) in (0..).zip([1, 1 << 20, 1, 6 << 20, 1, 1, 70_000, 1 << 20, 0]) {
        let value: Vec<u8> = (0..len).map(|at: usize| (at % 251) as u8 ^ (at >> 12) as u8).collect();
        send(&producer, topic, partition, n, Some(&value));
    }
    producer.flush(SECONDS).unwrap();
}

/// Batches of ten thousand records.
fn long_batches(broker: &Broker, topic: &str, partition: i32, settings: &[(&str, &str)]) {
    let settings = [settings, &[("linger.ms", "500"), ("batch.num.messages", "10000")]].concat();
    let producer = producer(broker, &settings);
    (0..25_000).for_each(|n| send(&producer, topic, partition, n, Some(&text(n))));
    producer.flush(SECONDS).unwrap();
}

/// A topic with a partition of each kind, compared as it is, and once more after retention has cut into a batch.
fn compare_all(what: &str, codec: &str, topic_settings: &[(&str, &str)], name: &str) {
    let broker = shared();
    broker.create_topic_with(
        name,
        5,
        &[topic_settings, &[("max.message.bytes", "9000000"), ("retention.ms", "-1")]].concat(),
    );
    let settings = [("compression.type", codec)];
    plain(broker, name, 0, &settings);
    plain(broker, name, 1, &[settings[0], ("enable.idempotence", "true")]);
    let open = transactions(broker, name, 2, &settings);
    sizes(broker, name, 3, &settings);
    long_batches(broker, name, 4, &settings);
    let twins = Twins::open(name);
    let counts: Vec<usize> = (0..5).map(|partition| twins.compare(what, partition).len()).collect();
    assert!(counts[0] == 200 && counts[1] == 200 && counts[3] == 9 && counts[4] == 25_000, "{what}: {counts:?}");
    // Committed are 5 records of each of five rounds of one producer, and some of the other's transactions.
    assert!((30..80).contains(&counts[2]), "{what}: {counts:?}");
    let (runtime, admin, options) = broker.admin();
    let mut first = TopicPartitionList::new();
    [(0, 77), (2, 30), (4, 4_321)].iter().for_each(|(partition, offset)| {
        first.add_partition_offset(name, *partition, Offset::Offset(*offset)).unwrap();
    });
    runtime.block_on(admin.delete_records(&first, &options)).unwrap();
    for (partition, from) in [(0, 77), (2, 30), (4, 4_321)] {
        assert_eq!(twins.ours.first_offset(partition).unwrap(), from);
        twins.compare(&format!("{what}, cut"), partition);
    }
    drop(open);
}

#[test]
fn readers_agree_on_librdkafka_s_batches() {
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        compare_all(codec, codec, &[], &format!("twin-{codec}"));
    }
}

/// The broker compresses again what the producer sends: with Java's libraries, whose frames differ.
#[test]
fn readers_agree_on_java_s_batches() {
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        let time = ("message.timestamp.type", "LogAppendTime");
        compare_all(
            &format!("{codec} by Java"),
            "none",
            &[("compression.type", codec), time],
            &format!("twin-java-{codec}"),
        );
    }
}

#[test]
fn readers_agree_on_a_compacted_topic() {
    let name = "twin-compacted";
    let settings = [("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.01"), ("segment.ms", "500")];
    shared().create_topic_with(name, 1, &[&settings[..], &[("delete.retention.ms", "100")]].concat());
    let producer = producer(shared(), &[("compression.type", "lz4")]);
    let twins = Twins::open(name);
    let mut n = 0;
    let seen = wait_for("compaction to remove records", || {
        for _ in 0..60 {
            send(&producer, name, 0, n, (n % 9 != 0).then(|| text(n)).as_deref());
            n += 1;
        }
        producer.flush(SECONDS).unwrap();
        std::thread::sleep(Duration::from_millis(600));
        let end = twins.librdkafka.end_offset(0).unwrap();
        let seen = read(&*twins.librdkafka, 0, 0, end);
        (seen.len() as u64 + 100 < end).then_some(seen)
    });
    assert!(seen.windows(2).any(|two| two[1].offset > two[0].offset + 1), "there are gaps");
    // The cleaner goes on: what is read of both must be of one moment.
    let same = (0..20).any(|_| {
        let end = twins.ours.end_offset(0).unwrap();
        let first = read(&*twins.librdkafka, 0, 0, end);
        let ours: Vec<_> = (0..end).step_by(7).map(|from| (from, read(&*twins.ours, 0, from, end))).collect();
        let is_of_one_moment = first == read(&*twins.librdkafka, 0, 0, end);
        let agree = |(from, read): &(u64, Vec<Seen>)| {
            read.as_slice() == &first[first.partition_point(|seen| seen.offset < *from)..]
        };
        is_of_one_moment && ours.iter().all(agree)
    });
    assert!(same, "the readers differ");
}

#[test]
fn a_replay_gives_the_same_digests_with_both_readers() {
    let (home, name) = (Home::new(), topic(4));
    home.write("kafka.properties", "compression.type=lz4\nlinger.ms=20\n");
    home.simulate("trades.jsonl", 120_000, "2024-06-03T13:30:00Z");
    home.ok(&format!("import trades.jsonl --log {}?config=kafka.properties", log_address(&name)));
    let replay = |options: &str, workers: u32| {
        home.ok(&format!("replay --log {}{options} --workers {workers} --every 1s", log_address(&name)))
    };
    let expected = replay("?reader=librdkafka", 1);
    assert!(expected.lines().count() > 1, "{expected}");
    for workers in [1, 2, 4] {
        assert_eq!(replay("", workers), expected, "{workers} workers");
    }
    assert_eq!(replay("?reader=librdkafka", 4), expected);
}
