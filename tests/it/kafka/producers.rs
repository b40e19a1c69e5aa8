//! Topics of other producers: records without a value, or with a schema's header; topics that lose records; a topic
//! that was made again between two runs.

use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::cases::compared;
use crate::shared::broker::{log_address, shared, topic};
use crate::shared::pids::wait_until;
use crate::shared::process::Home;
use crate::shared::tables;

pub const T0: u64 = 1_717_421_400_000;

fn trade(n: u64) -> Vec<u8> {
    format!(r#"{{"p":5,"s":"NVDA","t":{},"v":1}}"#, T0 + n * 1_000).into_bytes()
}

/// Writes records to partition 0; `None` has no value.
pub fn produce(topic: &str, records: &[Option<Vec<u8>>]) {
    let producer: BaseProducer = shared().client_config().create().unwrap();
    for record in records {
        let message = BaseRecord::<str, [u8]>::to(topic).partition(0).key("NVDA");
        let message = match record {
            Some(bytes) => message.payload(bytes),
            None => message,
        };
        producer.send(message).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(std::time::Duration::from_secs(60)).unwrap();
}

pub fn progress(event_ms: u64) -> Option<Vec<u8>> {
    Some(format!(r#"{{"type":"progress","source":"x","event_ms":{event_ms}}}"#).into_bytes())
}

#[test]
fn tombstones_and_schema_headers_have_their_reasons() {
    let (home, topic) = (Home::new(), topic(1));
    let with_header = [&[0, 0, 0, 0, 7][..], &trade(1)].concat();
    let records = [
        progress(T0),
        Some(trade(0)),
        None,
        Some(with_header.clone()),
        Some(Vec::new()),
        Some(vec![0, 0, 0, 7]),
        progress(T0 + 60_000),
    ];
    produce(&topic, &records);
    home.ok(&format!("work --log {} --store sqlite:rows.db --until-end", log_address(&topic)));
    let rows = home.ok("rejected list --store sqlite:rows.db --format json");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&rows).unwrap();
    let found: Vec<_> = rows
        .iter()
        .map(|row| {
            (row["offset"].as_u64().unwrap(), row["reason"].as_str().unwrap(), row["original_bytes_total"].as_u64())
        })
        .collect();
    let wanted =
        [(2, "tombstone", Some(0)), (3, "schema_bytes", Some(with_header.len() as u64)), (4, "bad_json", Some(0))];
    assert_eq!(found[..3], wanted);
    assert_eq!(found[3], (5, "bad_json", Some(4)), "one byte less than a header");
    let status = home.ok("status --store sqlite:rows.db --format json").replace(' ', "");
    for counted in ["\"trades\":1", "\"rejected_tombstone\":1", "\"rejected_schema_bytes\":1"] {
        assert!(status.contains(counted), "{counted} in {status}");
    }
    home.ok(&format!("verify --log {} --store sqlite:rows.db", log_address(&topic)));
}

#[test]
fn compacted_topics_are_refused() {
    let home = Home::new();
    let mut codes = Vec::new();
    for (name, policy) in [("compacted-1", "compact"), ("compacted-2", "compact,delete")] {
        shared().create_topic_with(name, 1, &[("cleanup.policy", policy)]);
        produce(name, &[progress(T0), Some(trade(0)), progress(T0 + 60_000)]);
        let log = log_address(name);
        let words = [name, "is compacted", "cleanup.policy=delete", "--allow-compacted"];
        let ended = home.run(&format!("work --log {log} --store sqlite:{name}.db --until-end"));
        ended.is(3, &words);
        codes.push(format!("exit {}", ended.code.unwrap()));
        home.fails(&format!("replay --log {log}"), 3, &words);
        let said = home.run(&format!("work --log {log} --store sqlite:{name}.db --until-end --allow-compacted"));
        said.is(0, &["WARN", "from the records that are left", name]);
        home.fails(&format!("verify --log {log} --store sqlite:{name}.db"), 3, &words);
        home.ok(&format!("verify --log {log} --store sqlite:{name}.db --allow-compacted"));
        home.fails(&format!("setup --log {log} --partitions 1 --replication 1"), 2, &["cleanup.policy", policy]);
    }
    compared("18-kafka-compacted-topic", "exit 3, exit 3", &codes.join(", "));
}

#[test]
fn topics_whose_retention_is_too_short_for_a_restart_are_refused() {
    let home = Home::new();
    // Twice the allowed lateness of 15 minutes, and a millisecond less.
    for (name, retention_ms, code) in [("short-1", "1799999", 3), ("short-2", "1800000", 0), ("short-3", "-1", 0)] {
        shared().create_topic_with(name, 1, &[("retention.ms", retention_ms)]);
        produce(name, &[progress(T0), Some(trade(0)), progress(T0 + 60_000)]);
        let work = format!("work --log {} --store sqlite:{name}.db --until-end", log_address(name));
        let said: &[&str] = if code == 0 { &[] } else { &[name, "retention.ms", "15 min 0 s", "--allow-compacted"] };
        home.run(&work).is(code, said);
        home.run(&format!("{work} --allow-compacted")).is(0, &[]);
    }
}

#[test]
fn a_topic_made_again_between_two_runs_is_another_log() {
    let (home, topic) = (Home::new(), topic(1));
    let work = format!("work --log {} --store sqlite:rows.db --until-end", log_address(&topic));
    produce(&topic, &[progress(T0), Some(trade(0)), Some(trade(20)), progress(T0 + 60_000)]);
    home.ok(&work);
    let rows = |home: &Home| {
        let store = tables::open(&home.path("rows.db"));
        tables::ROWS.map(|table| tables::rows(&store, &format!("SELECT * FROM {table} ORDER BY 1, 2, 3")))
    };
    let before = rows(&home);
    let (runtime, admin, options) = shared().admin();
    runtime.block_on(admin.delete_topics(&[&topic], &options)).unwrap().into_iter().for_each(|r| drop(r.unwrap()));
    wait_until("the topic is gone", || crate::shared::broker::partitions(shared(), &topic) == 0);
    shared().create_topic(&topic, 1);
    let later = T0 + 3_600_000;
    let late = format!(r#"{{"p":6,"s":"AAPL","t":{later},"v":1}}"#).into_bytes();
    produce(&topic, &[progress(later), Some(late), progress(later + 60_000)]);
    for _ in 0..2 {
        home.fails(&work, 3, &[&topic, "was replaced"]);
    }
    let seen = if rows(&home) == before { "exit 3, no row of the new topic" } else { "a row of the new topic" };
    compared("19-kafka-topic-made-again", "exit 3, no row of the new topic", seen);
    home.fails(&format!("verify --log {} --store sqlite:rows.db", log_address(&topic)), 3, &["was replaced"]);
}
