//! From the feed into a topic: after a broker's restart no trade is missing outside of a recorded gap; several sources
//! in one topic. Records are read with the client library alone and compared with the simulator's sent trades.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use simulator::sent_trades::SentTrades;
use simulator::{SimulatorConfig, serve};
use tickline::finnhub::{FeedConfig, Secret};
use tickline::ingest::{IngestConfig, ingest};
use tickline::log::address::LogAddress;
use tokio::sync::watch;

use crate::shared::account::{Balance, balance, read_kept, read_sent};
use crate::shared::broker::{Broker, log_address, shared, topic};
use crate::shared::process::{Ended, Home, Running, wait_for};

pub(super) const PARTITIONS: u32 = 3;
pub(super) const MAX_OUT_OF_ORDERNESS_MS: u64 = 1_500;
/// How much busier than real the simulated market is.
pub(super) const ACTIVITY: u64 = 20;
const SYMBOLS: &str = "AAPL,NVDA,TSLA,SPY,BINANCE:BTCUSDT,BINANCE:ETHUSDT,IC MARKETS:1";
const CANARY: &str = "canary-5c1";

/// All records of a topic, partition by partition.
pub(super) fn records(broker: &Broker, topic: &str) -> Vec<Vec<String>> {
    let mut config = broker.client_config();
    config.set("group.id", "test").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().unwrap();
    let read = |partition: i32| {
        // After a restart it may be without a leader for a moment.
        let (_, end) = wait_for("the end of the partition", || {
            consumer.fetch_watermarks(topic, partition, Duration::from_secs(30)).ok()
        });
        let mut from = TopicPartitionList::new();
        from.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        consumer.assign(&from).unwrap();
        let mut all = Vec::new();
        let mut next = 0;
        while next < end {
            let Some(message) = consumer.poll(Duration::from_secs(30)) else { panic!("{next} of {end} came") };
            let message = message.unwrap();
            next = message.offset() + 1;
            all.push(String::from_utf8(message.payload().unwrap().to_vec()).unwrap());
        }
        all
    };
    (0..PARTITIONS as i32).map(read).collect()
}

pub(super) fn simulate(home: &Home) -> (Running, String) {
    let mut simulator = home.start(&format!("simulate --listen 127.0.0.1:0 --activity {ACTIVITY} --sent sent"));
    let address = wait_for("the simulator", || {
        assert!(simulator.is_alive(), "{}", simulator.stderr());
        let stdout = simulator.stdout();
        Some(stdout.split_once("ws://")?.1.split_once('/')?.0.to_owned())
    });
    (simulator, address)
}

/// An ingest, and the address of its metrics.
fn start(home: &Home, log: &str, feed: &str, more: &str) -> (Running, String) {
    home.write("list", SYMBOLS.replace(',', "\n"));
    let line = format!("ingest --log {log} --url ws://{feed}/ --watchlist list --listen 127.0.0.1:0 {more}");
    let mut ingest = home.start_with(&line, &[("FINNHUB_TOKEN", CANARY)]);
    let metrics = wait_for("the metrics", || {
        assert!(ingest.is_alive(), "{}", ingest.stderr());
        let stdout = ingest.stdout();
        Some(stdout.split_once("metrics: http://")?.1.split_once('/')?.0.to_owned())
    });
    (ingest, metrics)
}

pub(super) fn number(metrics: &str, name: &str) -> f64 {
    let url = format!("http://{metrics}/metrics");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let text = runtime.block_on(async { reqwest::get(url).await.unwrap().text().await.unwrap() });
    assert!(!text.contains(CANARY));
    let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    // A number that is not there yet.
    value.map_or(f64::NAN, |value| value.parse().unwrap())
}

/// Waits until the ingest has received `more` trades.
pub(super) fn more_trades(metrics: &str, more: f64) {
    let before = number(metrics, "tickline_ingest_trades_total");
    wait_for("more trades", || (number(metrics, "tickline_ingest_trades_total") >= before + more).then_some(()));
}

/// Waits until the log has acknowledged more.
pub(super) fn more_acknowledged(metrics: &str) {
    let name = "tickline_ingest_acknowledgement_seconds_count";
    let before = number(metrics, name);
    wait_for("acknowledgements", || (number(metrics, name) > before + 100.0).then_some(()));
}

/// Ends the simulator, then the ingest.
pub(super) fn finish(mut simulator: Running, mut ingest: Running) -> Ended {
    simulator.terminate();
    simulator.end("the simulator").is(0, &[]);
    wait_for("the end of the feed", || ingest.stderr().contains("feed lost").then_some(()));
    ingest.terminate();
    let ended = ingest.end("the ingest");
    ended.is(0, &[]);
    assert!(!ended.stderr.contains(CANARY) && !ended.stdout.contains(CANARY), "{ended:?}");
    ended
}

/// The balance of sent and kept trades of a topic, and the causes of its gaps.
pub(super) fn books(records: &[Vec<String>], sent: &Path) -> (Balance, Vec<String>) {
    assert!(records.iter().flatten().all(|record| !record.contains(CANARY)));
    let kept = read_kept(records);
    let causes = kept.gaps[0].iter().map(|gap| gap["cause"].as_str().unwrap().to_owned()).collect();
    let balance = balance(&read_sent(sent), &kept, MAX_OUT_OF_ORDERNESS_MS);
    assert!(balance.kept > 0 && balance.kept + balance.missing == balance.sent, "{balance:?}");
    (balance, causes)
}

#[test]
fn a_broker_restart_loses_nothing() {
    let home = Home::new();
    let mut broker = Broker::start(&home.path("broker"));
    broker.create_topic("t", PARTITIONS);
    let (simulator, feed) = simulate(&home);
    let (ingest, metrics) = start(&home, &broker.log_address("t"), &feed, "--source one");
    for _ in 0..2 {
        more_acknowledged(&metrics);
        broker.server.kill();
        // These wait in memory.
        more_trades(&metrics, 1_000.0);
        broker.server.restart();
        more_acknowledged(&metrics);
    }
    assert_eq!(number(&metrics, "tickline_ingest_lost_records_total"), 0.0);
    finish(simulator, ingest);
    let (balance, causes) = books(&records(&broker, "t"), &home.path("sent"));
    assert!(balance.kept > 2_000, "{balance:?}");
    assert_eq!(causes.len(), 1, "only the simulator's end is a gap: {causes:?}");
}

/// A broker that is stopped in good order answers the last requests with "no leader", and its client may never take
/// another one.
#[test]
fn an_orderly_restart_of_the_broker_loses_nothing_for_long() {
    let home = Home::new();
    let mut broker = Broker::start(&home.path("broker"));
    broker.create_topic("t", PARTITIONS);
    let log = broker.log_address("t");
    let (simulator, feed) = simulate(&home);
    let (ingest, metrics) = start(&home, &log, &feed, "--source one");
    for _ in 0..2 {
        more_acknowledged(&metrics);
        broker.server.end();
        more_trades(&metrics, 200.0);
        broker.server.restart();
        more_acknowledged(&metrics);
        // The progress of every partition.
        let acknowledged = || number(&metrics, "tickline_ingest_acknowledged_age_seconds");
        wait_for("current progress is acknowledged", || (acknowledged() < 5.0).then_some(()));
    }
    finish(simulator, ingest);
    // What is missing lies in a gap: at the simulator's end, and of what the broker may have taken without a word. A
    // client that is stuck would lose all that came after the first restart.
    let (balance, causes) = books(&records(&broker, "t"), &home.path("sent"));
    assert!(balance.kept > 500 && balance.missing < balance.kept / 3, "{balance:?}, {causes:?}");
}

#[test]
fn expired_records_are_counted_in_a_gap() {
    let home = Home::new();
    let mut broker = Broker::start(&home.path("broker"));
    broker.create_topic("t", PARTITIONS);
    home.write("client.properties", "message.timeout.ms=1500\n");
    let log = format!("{}?config=client.properties", broker.log_address("t"));
    let (simulator, feed) = simulate(&home);
    let (ingest, metrics) = start(&home, &log, &feed, "--source one");
    more_acknowledged(&metrics);
    broker.server.kill();
    wait_for("losses", || (number(&metrics, "tickline_ingest_lost_records_total") > 50.0).then_some(()));
    // What the broker took without a word has expired by then, too: the client looks once a second. A record that
    // expires just when the broker is back may be in the log twice; docs/design/feed-to-log.md has why.
    std::thread::sleep(Duration::from_secs(3));
    broker.server.restart();
    more_acknowledged(&metrics);
    wait_for("the gap", || (number(&metrics, "tickline_ingest_gaps_total{cause=\"lost\"}") > 0.0).then_some(()));
    let acknowledged = || number(&metrics, "tickline_ingest_acknowledged_age_seconds");
    wait_for("current progress is acknowledged", || (acknowledged() < 5.0).then_some(()));
    finish(simulator, ingest);
    let (balance, causes) = books(&records(&broker, "t"), &home.path("sent"));
    assert!(balance.missing > 0, "{balance:?}");
    assert!(causes.iter().any(|cause| cause.contains("the log did not take")), "{causes:?}");
}

#[test]
fn trades_beyond_a_full_queue_become_a_gap() {
    let home = Home::new();
    let mut broker = Broker::start(&home.path("broker"));
    broker.create_topic("t", PARTITIONS);
    home.write("client.properties", "queue.buffering.max.messages=200\n");
    let log = format!("{}?config={}", broker.log_address("t"), home.path("client.properties").display());
    let writer = log.parse::<LogAddress>().unwrap().open_writer().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sent = Arc::new(SentTrades::create(&home.path("sent")).unwrap());
    let simulator = SimulatorConfig { activity: 20, sent_trades: Some(sent), ..SimulatorConfig::default() };
    let simulator = runtime.block_on(serve(simulator)).unwrap();
    let symbols = SYMBOLS.split(',').map(str::to_owned).collect();
    let feed = FeedConfig::new(simulator.url(), Secret::new(CANARY), symbols);
    let mut config = IngestConfig::new(feed, "one".to_owned());
    config.queue.frames_max = 20;
    let meter = config.meter.clone();
    let (stop, stopping) = watch::channel(false);
    let running = runtime.spawn(ingest(config, writer, stopping));
    wait_for("trades", || (meter.trades.get() > 500).then_some(()));
    broker.server.kill();
    wait_for("refusals", || (meter.rejected.get() > 500).then_some(()));
    broker.server.restart();
    let (trades, gaps) = (meter.trades.get(), meter.gaps());
    wait_for("trades again", || (meter.trades.get() > trades + 1_000 && meter.gaps() > gaps).then_some(()));
    runtime.block_on(simulator.stop()).unwrap();
    wait_for("the end of the feed", || (meter.connected.get() == 0).then_some(()));
    stop.send_replace(true);
    let report = runtime.block_on(running).unwrap().unwrap();
    let (balance, causes) = books(&records(&broker, "t"), &home.path("sent"));
    // Every trade is in the log or in a gap; on a slow machine the feed may have been given up meanwhile, too.
    assert!(report.rejected > 500 && balance.missing >= report.rejected, "{balance:?}, {report:?}");
    assert!(balance.kept > 500 && balance.kept <= report.trades, "{balance:?}, {report:?}");
    assert!(causes.iter().any(|cause| cause.contains("trades were rejected")), "{causes:?}");
}

#[test]
fn a_stop_during_an_outage_becomes_a_gap() {
    let home = Home::new();
    let mut broker = Broker::start(&home.path("broker"));
    broker.create_topic("t", PARTITIONS);
    home.write("client.properties", "message.timeout.ms=5000\n");
    let (patient, hasty) = (broker.log_address("t"), format!("{}?config=client.properties", broker.log_address("t")));
    let (simulator, feed) = simulate(&home);
    for (log, signals, says) in [(&hasty, 1, "did not acknowledge the last records"), (&patient, 2, "ended before")] {
        let (mut ingest, metrics) = start(&home, log, &feed, "--source one");
        more_acknowledged(&metrics);
        wait_for("acknowledged progress", || {
            (number(&metrics, "tickline_ingest_acknowledged_age_seconds") < 10.0).then_some(())
        });
        broker.server.kill();
        more_trades(&metrics, 200.0);
        ingest.terminate();
        wait_for("the first signal", || ingest.stderr().contains("interrupt again").then_some(()));
        if signals == 2 {
            ingest.terminate();
        }
        ingest.end("the ingest").is(1, &[says, "gap"]);
        broker.server.restart();
    }
    let (ingest, metrics) = start(&home, &patient, &feed, "--source one");
    more_acknowledged(&metrics);
    finish(simulator, ingest);
    let (balance, causes) = books(&records(&broker, "t"), &home.path("sent"));
    assert!(balance.missing > 0, "{balance:?}");
    let gaps = causes.iter().filter(|cause| cause.contains("without a bye")).count();
    assert_eq!(gaps, 2, "{causes:?}");
}

#[test]
fn two_ingests_share_one_topic() {
    let home = Home::new();
    let name = topic(PARTITIONS);
    let log = log_address(&name);
    let (mut simulator, feed) = simulate(&home);
    let homes = [Home::new(), Home::new()];
    let more = ["--source first --share 0/2", "--source second --share 1/2"];
    let mut both: Vec<_> = (0..2).map(|at| start_with_key(&homes[at], &log, &feed, more[at], at)).collect();
    for (_, metrics) in &both {
        more_acknowledged(metrics);
        wait_for("acknowledged progress", || {
            (number(metrics, "tickline_ingest_acknowledged_age_seconds") < 10.0).then_some(())
        });
    }
    // Progress ends with the feed, so every symbol must have traded well before.
    let traded = Instant::now();
    for (_, metrics) in &both {
        wait_for("progress past these trades", || {
            (number(metrics, "tickline_ingest_acknowledged_age_seconds") < traded.elapsed().as_secs_f64()).then_some(())
        });
    }
    simulator.terminate();
    simulator.end("the simulator").is(0, &[]);
    for (_, metrics) in &both {
        wait_for("the end of the feed", || (number(metrics, "tickline_ingest_connected") == 0.0).then_some(()));
    }
    let (mut first, _) = both.remove(0);
    let (mut second, _) = both.remove(0);
    first.terminate();
    first.end("the first").is(0, &[]);
    second.terminate();
    second.end("the second").is(0, &[]);
    let records = records(shared(), &name);
    let (balance, _) = books(&records, &home.path("sent"));
    assert!(balance.kept > 200, "{balance:?}");
    for source in ["first", "second"] {
        let bye = format!(r#"{{"type":"bye","source":"{source}"}}"#);
        assert!(records.iter().all(|records| records.contains(&bye)), "{source}");
    }
    home.ok(&format!("work --log {log} --store sqlite:rows.db --workers 2 --until-end"));
    for symbol in ["AAPL", "NVDA", "TSLA", "SPY", "BINANCE:BTCUSDT", "BINANCE:ETHUSDT"] {
        let rows = home.ok(&format!("candles --store sqlite:rows.db --symbol {symbol} --resolution 1m --format csv"));
        assert!(rows.lines().count() > 1, "{symbol}: {rows}");
    }
}

pub(super) fn start_with_key(home: &Home, log: &str, feed: &str, more: &str, key: usize) -> (Running, String) {
    home.write("key", format!("{CANARY}-{key}"));
    start(home, log, feed, &format!("{more} --token-file key"))
}
