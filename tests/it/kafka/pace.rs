//! Topics of other producers, with partitions that hold nothing: paced, live.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::Value;

use crate::cases::compared;
use crate::shared::broker::{log_address, shared, topic};
use crate::shared::process::{Home, wait_for};
use crate::shared::tables;

const SYMBOLS: [&str; 3] = ["AAPL", "MSFT", "BINANCE:BTCUSDT"];

fn producer() -> BaseProducer {
    shared().client_config().create().unwrap()
}

fn send(producer: &BaseProducer, topic: &str, symbol: &str, event_ms: u64) {
    let text = format!(r#"{{"c":null,"p":100,"s":"{symbol}","t":{event_ms},"v":1}}"#);
    // Many producers write the event time as the record's own.
    let record = BaseRecord::to(topic).key(symbol).payload(&text).timestamp(event_ms as i64);
    producer.send(record).map_err(|(error, _)| error).unwrap();
}

#[test]
fn a_topic_with_empty_partitions_is_live() {
    let (home, topic) = (Home::new(), topic(12));
    let log = log_address(&topic);
    let mut pace = home.start(&format!("pace --log {log} --progress dir:progress"));
    wait_for("a progress log", || {
        home.path("progress/partition-00000.jsonl").metadata().ok().filter(|it| it.len() > 0)
    });
    let mut work = home.start(&format!("work --log {log} --progress dir:progress --store sqlite:rows.db --workers 2"));
    let producer = producer();
    let mut sent = 0;
    let candles = "SELECT count(DISTINCT symbol) FROM candles_5s";
    wait_for("complete candles of all symbols", || {
        assert!(work.is_alive() && pace.is_alive(), "{}{}", work.stderr(), pace.stderr());
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        SYMBOLS.iter().for_each(|symbol| send(&producer, &topic, symbol, now_ms));
        sent += 3;
        producer.flush(Duration::from_secs(30)).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        tables::progress(&home.path("rows.db")).frontier?;
        (tables::rows(&tables::open(&home.path("rows.db")), candles) == ["Integer(3)"]).then_some(())
    });
    pace.terminate();
    pace.end("pace").is(0, &[]);
    work.terminate();
    work.end("work").is(0, &[]);
    home.ok(&format!("pace --log {log} --progress dir:progress --until-end"));
    home.run(&format!("work --log {log} --progress dir:progress --store sqlite:rows.db --until-end"))
        .is(0, &["0 waiting"]);
    home.ok(&format!("verify --log {log} --progress dir:progress --store sqlite:rows.db --workers 3"));
    let text = home.ok("status --store sqlite:rows.db --format json");
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["counters"]["trades"], sent, "{text}");
    let symbols = tables::rows(&tables::open(&home.path("rows.db")), candles).join("");
    compared("15-kafka-idle-partitions", "candles of Integer(3) symbols", &format!("candles of {symbols} symbols"));
}

#[test]
fn an_outlier_whose_record_time_agrees_is_rejected() {
    let (home, topic) = (Home::new(), "outlier".to_owned());
    // The records are years old, by their own time.
    shared().create_topic_with(&topic, 1, &[("retention.ms", "-1")]);
    let (log, producer) = (log_address(&topic), producer());
    let t0 = 1_717_421_400_000;
    for second in 0..120 {
        if second == 30 {
            send(&producer, &topic, "AAPL", t0 + 5 * 86_400_000);
        }
        send(&producer, &topic, "AAPL", t0 + second * 1_000);
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    home.ok(&format!("pace --log {log} --progress dir:progress --until-end"));
    for (store, mode) in [("paced", "--progress dir:progress"), ("bounded", "--max-out-of-orderness 5s")] {
        home.run(&format!("work --log {log} {mode} --store sqlite:{store}.db --until-end")).is(0, &["0 waiting"]);
        let text = home.ok(&format!("status --store sqlite:{store}.db --format json"));
        let counters = &serde_json::from_str::<Value>(&text).unwrap()["counters"];
        let seen = format!("{} trades, {} too far ahead", counters["trades"], counters["rejected_too_far_ahead"]);
        compared("17-kafka-outlier-time", "120 trades, 1 too far ahead", &seen);
    }
}
