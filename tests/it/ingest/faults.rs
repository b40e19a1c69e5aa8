//! Faults of the simulator: each occurs, the ingest goes on if it can, and every sent trade is accounted for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::SinkExt as _;
use serde_json::Value;
use simulator::fault::{Fault, Faults, Times};
use simulator::sent_trades::SentTrades;
use simulator::state::Counters;
use simulator::{SimulatorConfig, serve};
use tickline::ingest::metrics::Meter;
use tickline::ingest::{IngestConfig, IngestReport};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::ingest::memory::{DEADLINE, Memory, PARTITIONS, config, end, start, until};
use crate::ingest::script::{accept, listen};
use crate::shared::account::{Balance, Kept, balance, read_kept, read_sent};

pub const SYMBOLS: [&str; 7] = ["AAPL", "NVDA", "TSLA", "SPY", "BINANCE:BTCUSDT", "BINANCE:ETHUSDT", "IC MARKETS:1"];

/// Outcome of an ingest from a simulator with a fault.
pub struct Outcome {
    pub report: IngestReport,
    pub kept: Kept,
    pub balance: Balance,
    pub faults: u64,
    attempts: u64,
}

impl Outcome {
    /// Causes of the gaps; the last one is the end of the simulator.
    pub fn causes(&self) -> Vec<&str> {
        assert!(self.kept.gaps.iter().all(|gaps| gaps.len() == self.kept.gaps[0].len()), "gaps differ");
        self.kept.gaps[0].iter().map(|gap| gap["cause"].as_str().unwrap()).collect()
    }
}

/// Ingests until `done`, ends the simulator, then the ingest, and checks that all sent trades are accounted for.
async fn survive(
    fault: Fault,
    adjust: impl FnOnce(&mut IngestConfig),
    done: impl Fn(&Counters, &Meter) -> bool,
) -> Outcome {
    survive_into(&Memory::default(), fault, adjust, done).await
}

/// The same, into this log.
pub async fn survive_into(
    memory: &Memory,
    fault: Fault,
    adjust: impl FnOnce(&mut IngestConfig),
    done: impl Fn(&Counters, &Meter) -> bool,
) -> Outcome {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("sent");
    let sent_trades = Some(Arc::new(SentTrades::create(&path).unwrap()));
    let (faults, ping_every) = (Faults::of(&[fault]), Duration::from_millis(100));
    let simulator = SimulatorConfig { faults, ping_every, sent_trades, activity: 10, ..Default::default() };
    let simulator = serve(simulator).await.unwrap();
    let mut config = config(simulator.url(), "token", &SYMBOLS);
    adjust(&mut config);
    let (meter, max_out_of_orderness_ms) = (config.meter.clone(), config.max_out_of_orderness_ms);
    let (stop, running) = start(config, memory);
    until(&format!("{fault:?}"), || done(simulator.counters(), &meter)).await;
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let (faults_seen, attempts) = (count(&simulator.counters().faults), count(&simulator.counters().attempts));
    simulator.stop().await.unwrap();
    until("the end of the simulator", || meter.connected.get() == 0).await;
    let report = end(&stop, running).await.unwrap();
    let kept = read_kept(&(0..PARTITIONS).map(|partition| memory.of(partition)).collect::<Vec<_>>());
    let balance = balance(&read_sent(&path), &kept, max_out_of_orderness_ms);
    assert!(balance.kept > 0 && balance.kept + balance.missing == balance.sent, "{balance:?}");
    assert_eq!((report.trades, report.rejected), (balance.kept, 0));
    memory.assert_no_gap_in_complete_time();
    Outcome { report, kept, balance, faults: faults_seen, attempts }
}

fn untouched(_: &mut IngestConfig) {}

pub fn flows(meter: &Meter) -> bool {
    meter.trades.get() > 100
}

/// Three lost connections are three gaps with this cause, and one more for the end of the simulator. Connections
/// without a sign of life have a gap together.
async fn ends_three_times(fault: Fault, adjust: impl FnOnce(&mut IngestConfig), cause: &str) {
    let outcome = survive(fault, adjust, |_, meter| meter.gaps() >= 3 && flows(meter)).await;
    assert!(outcome.faults >= 3 && outcome.report.connections >= outcome.report.gaps, "{:?}", outcome.report);
    let causes = outcome.causes();
    assert!(causes[..3].iter().all(|found| found.contains(cause)), "{causes:?}");
}

#[tokio::test]
async fn a_cut_connection_is_a_gap() {
    // A ping that the simulator has not read makes a reset of the cut.
    ends_three_times(Fault::DisconnectEvery(Duration::from_millis(1_500)), untouched, "Connection reset").await;
}

#[tokio::test]
async fn a_closed_connection_is_a_gap() {
    ends_three_times(Fault::CloseEvery(Duration::from_millis(1_500)), untouched, "the feed closed").await;
}

#[tokio::test]
async fn a_reset_connection_is_a_gap() {
    ends_three_times(Fault::ResetEvery(Duration::from_millis(1_500)), untouched, "reset by peer").await;
}

#[tokio::test]
async fn failed_attempts_are_retried() {
    let patient = |config: &mut IngestConfig| config.feed.pause_too_many = Duration::from_millis(20);
    for status in [429, 500, 503] {
        let outcome = survive(Fault::Refuse(status, Times(3)), patient, |_, meter| flows(meter)).await;
        assert_eq!((outcome.faults, outcome.attempts, outcome.report.connections), (3, 4, 1), "{status}");
        // There is no progress before the first connection, so nothing is missing.
        assert_eq!(outcome.report.gaps, 1, "{status}");
    }
}

#[tokio::test]
async fn an_unauthorized_status_ends_the_ingest() {
    for status in [401, 403] {
        let faults = Faults::of(&[Fault::Refuse(status, Times::ALWAYS)]);
        let simulator = serve(SimulatorConfig { faults, ..Default::default() }).await.unwrap();
        let (_stop, running) = start(config(simulator.url(), "token", &SYMBOLS), &Memory::default());
        let error = timeout(DEADLINE, running).await.unwrap().unwrap().unwrap_err();
        assert_eq!(tickline::exit_code::of(&error), 2);
        assert!(format!("{error:#}").contains(&status.to_string()), "{error:#}");
        assert_eq!(simulator.counters().attempts.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn slow_accepts_are_awaited_up_to_the_timeout() {
    let slow = Fault::SlowAccept(Duration::from_millis(300), Times(1));
    let outcome = survive(slow, untouched, |_, meter| flows(meter)).await;
    assert_eq!((outcome.faults, outcome.attempts, outcome.report.connections), (1, 1, 1));
    let slow = Fault::SlowAccept(DEADLINE, Times(2));
    let impatient = |config: &mut IngestConfig| config.feed.step_max = Duration::from_millis(500);
    let outcome = survive(slow, impatient, |_, meter| flows(meter)).await;
    assert!(outcome.faults == 2 && outcome.attempts >= 3 && outcome.report.connections >= 1);
}

#[tokio::test]
async fn each_flap_is_a_gap() {
    let outcome = survive(Fault::Flap(Times(4)), untouched, |_, meter| flows(meter)).await;
    assert_eq!(outcome.faults, 4);
    // A connection that ends before all subscriptions are sent does not count, nor one without a sign of life.
    assert!(outcome.report.connections <= 5 && outcome.report.gaps <= outcome.report.connections);
}

#[tokio::test]
async fn copies_are_kept() {
    let outcome = survive(Fault::Copies(2), untouched, |_, meter| flows(meter)).await;
    assert!(outcome.faults > 0 && outcome.balance.sent > outcome.balance.missing);
    let thrice = outcome.kept.trades.values().filter(|count| **count % 3 == 0).count();
    // The simulator's end may have cut one frame's copies off.
    assert!(thrice + 24 >= outcome.kept.trades.len(), "{thrice} of {}", outcome.kept.trades.len());
}

#[tokio::test]
async fn frames_over_1_mib_end_the_connection() {
    let outcome = survive(Fault::FrameBytes(1 << 20), untouched, |_, meter| flows(meter)).await;
    assert_eq!((outcome.faults, outcome.report.connections), (1, 1));
    let outcome =
        survive(Fault::FrameBytes((1 << 20) + 1), untouched, |_, meter| meter.connections.get() > 1 && flows(meter))
            .await;
    assert_eq!((outcome.faults, outcome.report.connections), (1, 2));
    assert!(outcome.balance.missing > 0);
    assert!(outcome.causes()[0].contains("too long"), "{:?}", outcome.causes());
}

#[tokio::test]
async fn invalid_utf_8_ends_the_connection() {
    let (listener, url) = listen().await;
    let memory = Memory::default();
    let (stop, running) = start(config(url, "token", &["21"]), &memory);
    let (mut socket, _) = accept(&listener, 1).await;
    let bad = Frame::message(&b"{\"type\":\"\xff\"}"[..], OpCode::Data(Data::Text), true);
    socket.send(Message::Frame(bad)).await.unwrap();
    let (_socket, _) = accept(&listener, 1).await;
    until("the gap", || (0..PARTITIONS).all(|p| memory.control(p, "gap").len() == 1)).await;
    let report = end(&stop, running).await.unwrap();
    assert_eq!((report.connections, report.gaps, report.frames), (2, 1, 0));
    let cause = memory.control(0, "gap")[0]["cause"].clone();
    assert!(cause.as_str().unwrap().to_lowercase().contains("utf"), "{cause}");
}

#[tokio::test]
async fn rejected_subscriptions_are_counted() {
    let simulator = serve(SimulatorConfig { subscriptions_max: 5, ..Default::default() }).await.unwrap();
    let memory = Memory::default();
    let config = config(simulator.url(), "token", &SYMBOLS);
    let meter = config.meter.clone();
    let (stop, running) = start(config, &memory);
    until("both errors", || meter.too_many_symbols.get() == 2).await;
    assert_eq!(simulator.counters().subscriptions_rejected.load(Ordering::Relaxed), 2);
    assert_eq!(end(&stop, running).await.unwrap().complaints, 2);
    assert_eq!(memory.control(0, "error"), Vec::<Value>::new());
}

#[tokio::test]
async fn no_element_is_lost_silently() {
    let disconnect_every = Some(Duration::from_millis(2_500));
    let faults = Faults { disconnect_every, malformed: true, ..Faults::default() };
    let simulator = serve(SimulatorConfig { faults, ..Default::default() }).await.unwrap();
    let memory = Memory::default();
    let (stop, running) = start(config(simulator.url(), "token", &SYMBOLS), &memory);
    until("two disconnects and a malformed element", || {
        simulator.counters().disconnects.load(Ordering::Relaxed) >= 2
            && memory.of(0).contains(&"17".to_owned())
            && (0..PARTITIONS).all(|p| memory.control(p, "gap").len() >= 2 && !memory.elements(p).is_empty())
    })
    .await;
    let report = end(&stop, running).await.unwrap();
    assert_eq!(report.gaps + 1, report.connections);
    assert!(report.trades > 0 && report.malformed > 0);
    simulator.stop().await.unwrap();
}

#[tokio::test]
async fn a_rejected_token_ends_without_a_bye() {
    let simulator = serve(SimulatorConfig { token: Some("good".to_owned()), ..Default::default() }).await.unwrap();
    let memory = Memory::default();
    let (_stop, running) = start(config(simulator.url(), "s3cr3t", &["AAPL"]), &memory);
    let error = timeout(DEADLINE, running).await.unwrap().unwrap().unwrap_err();
    let text = format!("{error:#} {error:?}");
    assert!(text.contains("401") && !text.contains("s3cr3t"), "{text}");
    assert!((0..PARTITIONS).all(|p| memory.control(p, "bye").is_empty()));
}
