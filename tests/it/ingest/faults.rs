//! Every fault of the simulator: it strikes, the ingest goes on where it can, and the books balance.

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

const SYMBOLS: [&str; 7] = ["AAPL", "NVDA", "TSLA", "SPY", "BINANCE:BTCUSDT", "BINANCE:ETHUSDT", "IC MARKETS:1"];

/// What came of an ingest from a simulator with a fault.
struct Outcome {
    report: IngestReport,
    kept: Kept,
    balance: Balance,
    strikes: u64,
    attempts: u64,
}

impl Outcome {
    /// The causes of the gaps; the last one is that of the simulator's own end.
    fn causes(&self) -> Vec<&str> {
        assert!(self.kept.gaps.iter().all(|gaps| gaps.len() == self.kept.gaps[0].len()), "gaps differ");
        self.kept.gaps[0].iter().map(|gap| gap["cause"].as_str().unwrap()).collect()
    }
}

/// Ingests until `done`, then ends the simulator, then the ingest, and checks the books.
async fn survive(
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
    let memory = Memory::default();
    let mut config = config(simulator.url(), "key", &SYMBOLS);
    adjust(&mut config);
    let (meter, max_out_of_orderness_ms) = (config.meter.clone(), config.max_out_of_orderness_ms);
    let (stop, running) = start(config, &memory);
    until(&format!("{fault:?}"), || done(simulator.counters(), &meter)).await;
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let (strikes, attempts) = (count(&simulator.counters().faults), count(&simulator.counters().attempts));
    simulator.stop().await.unwrap();
    until("the end of the simulator", || meter.connected.get() == 0).await;
    let report = end(&stop, running).await.unwrap();
    let kept = read_kept(&(0..PARTITIONS).map(|partition| memory.of(partition)).collect::<Vec<_>>());
    let balance = balance(&read_sent(&path), &kept, max_out_of_orderness_ms);
    assert!(balance.kept > 0 && balance.kept + balance.missing == balance.sent, "{balance:?}");
    assert_eq!((report.trades, report.rejected), (balance.kept, 0));
    Outcome { report, kept, balance, strikes, attempts }
}

fn untouched(_: &mut IngestConfig) {}

fn flows(meter: &Meter) -> bool {
    meter.trades.get() > 100
}

/// A connection that ends three times is three gaps with this cause, and one more for the simulator's own end.
async fn ends_three_times(fault: Fault, adjust: impl FnOnce(&mut IngestConfig), cause: &str) {
    let outcome = survive(fault, adjust, |_, meter| meter.connections.get() > 3 && flows(meter)).await;
    assert!(outcome.strikes >= 3 && outcome.report.connections == outcome.report.gaps, "{:?}", outcome.report);
    let causes = outcome.causes();
    assert!(causes[..3].iter().all(|told| told.contains(cause)), "{causes:?}");
}

#[tokio::test]
async fn a_connection_that_is_cut_is_a_gap() {
    ends_three_times(Fault::DisconnectEvery(Duration::from_millis(1_500)), untouched, "without closing handshake")
        .await;
}

#[tokio::test]
async fn a_connection_that_is_closed_is_a_gap() {
    ends_three_times(Fault::CloseEvery(Duration::from_millis(1_500)), untouched, "the feed closed").await;
}

#[tokio::test]
async fn a_connection_that_is_reset_is_a_gap() {
    ends_three_times(Fault::ResetEvery(Duration::from_millis(1_500)), untouched, "reset by peer").await;
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_a_gap() {
    let impatient = |config: &mut IngestConfig| config.feed.silence_max = Duration::from_millis(700);
    ends_three_times(Fault::StallAfter(Duration::from_millis(1_500)), impatient, "no frame came for 700 ms").await;
}

#[tokio::test]
async fn a_feed_that_only_pings_is_alive_and_its_last_trade_grows_old() {
    let impatient = |config: &mut IngestConfig| config.feed.silence_max = Duration::from_millis(700);
    let quiet_ms = |meter: &Meter| meter.frame_ms.get() - meter.trade_ms.get();
    let outcome = survive(Fault::OnlyPingsAfter(Duration::from_millis(1_800)), impatient, |_, meter| {
        flows(meter) && quiet_ms(meter) > 2_000
    })
    .await;
    assert_eq!((outcome.strikes, outcome.report.connections, outcome.report.gaps), (1, 1, 1));
}

#[tokio::test]
async fn a_feed_that_refuses_for_a_while_is_tried_again() {
    let patient = |config: &mut IngestConfig| config.feed.pause_too_many = Duration::from_millis(20);
    for status in [429, 500, 503] {
        let outcome = survive(Fault::Refuse(status, Times(3)), patient, |_, meter| flows(meter)).await;
        assert_eq!((outcome.strikes, outcome.attempts, outcome.report.connections), (3, 4, 1), "{status}");
        // Before the first connection nothing was promised, so nothing is missing.
        assert_eq!(outcome.report.gaps, 1, "{status}");
    }
}

#[tokio::test]
async fn a_feed_that_forbids_ends_the_ingest() {
    for status in [401, 403] {
        let faults = Faults::of(&[Fault::Refuse(status, Times::ALWAYS)]);
        let simulator = serve(SimulatorConfig { faults, ..Default::default() }).await.unwrap();
        let (_stop, running) = start(config(simulator.url(), "key", &SYMBOLS), &Memory::default());
        let error = timeout(DEADLINE, running).await.unwrap().unwrap().unwrap_err();
        assert_eq!(tickline::exit_code::of(&error), 2);
        assert!(format!("{error:#}").contains(&status.to_string()), "{error:#}");
        assert_eq!(simulator.counters().attempts.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn a_feed_that_is_slow_to_accept_is_waited_for_and_given_up() {
    let slow = Fault::SlowAccept(Duration::from_millis(300), Times(1));
    let outcome = survive(slow, untouched, |_, meter| flows(meter)).await;
    assert_eq!((outcome.strikes, outcome.attempts, outcome.report.connections), (1, 1, 1));
    let slow = Fault::SlowAccept(DEADLINE, Times(2));
    let impatient = |config: &mut IngestConfig| config.feed.step_max = Duration::from_millis(500);
    let outcome = survive(slow, impatient, |_, meter| flows(meter)).await;
    assert!(outcome.strikes == 2 && outcome.attempts >= 3 && outcome.report.connections >= 1);
}

#[tokio::test]
async fn a_feed_that_flaps_is_a_gap_each_time() {
    let outcome = survive(Fault::Flap(Times(4)), untouched, |_, meter| flows(meter)).await;
    assert_eq!(outcome.strikes, 4);
    // A connection may end before all symbols are asked for; then it does not count as one.
    assert!(outcome.report.connections <= 5 && outcome.report.connections == outcome.report.gaps);
}

#[tokio::test]
async fn copies_are_kept_as_they_come() {
    let outcome = survive(Fault::Copies(2), untouched, |_, meter| flows(meter)).await;
    assert!(outcome.strikes > 0 && outcome.balance.sent > outcome.balance.missing);
    let thrice = outcome.kept.trades.values().filter(|count| **count % 3 == 0).count();
    // The simulator's end may have cut one frame's copies off.
    assert!(thrice + 24 >= outcome.kept.trades.len(), "{thrice} of {}", outcome.kept.trades.len());
}

#[tokio::test]
async fn a_frame_of_1_mib_is_taken_and_a_longer_one_ends_the_connection() {
    let outcome = survive(Fault::FrameBytes(1 << 20), untouched, |_, meter| flows(meter)).await;
    assert_eq!((outcome.strikes, outcome.report.connections), (1, 1));
    let outcome =
        survive(Fault::FrameBytes((1 << 20) + 1), untouched, |_, meter| meter.connections.get() > 1 && flows(meter))
            .await;
    assert_eq!((outcome.strikes, outcome.report.connections), (1, 2));
    assert!(outcome.balance.missing > 0);
    assert!(outcome.causes()[0].contains("too long"), "{:?}", outcome.causes());
}

#[tokio::test]
async fn a_frame_that_is_no_utf_8_ends_the_connection_and_is_a_gap() {
    let (listener, url) = listen().await;
    let memory = Memory::default();
    let (stop, running) = start(config(url, "key", &["21"]), &memory);
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
async fn more_symbols_than_the_plan_takes_are_counted() {
    let simulator = serve(SimulatorConfig { subscriptions_max: 5, ..Default::default() }).await.unwrap();
    let memory = Memory::default();
    let config = config(simulator.url(), "key", &SYMBOLS);
    let meter = config.meter.clone();
    let (stop, running) = start(config, &memory);
    until("both complaints", || meter.too_many_symbols.get() == 2).await;
    assert_eq!(simulator.counters().subscriptions_rejected.load(Ordering::Relaxed), 2);
    assert_eq!(end(&stop, running).await.unwrap().complaints, 2);
    assert_eq!(memory.control(0, "error"), Vec::<Value>::new());
}

#[tokio::test]
async fn the_simulator_with_faults_loses_connections_but_no_element_in_silence() {
    let disconnect_every = Some(Duration::from_millis(2_500));
    let faults = Faults { disconnect_every, malformed: true, ..Faults::default() };
    let simulator = serve(SimulatorConfig { faults, ..Default::default() }).await.unwrap();
    let memory = Memory::default();
    let (stop, running) = start(config(simulator.url(), "key", &SYMBOLS), &memory);
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
async fn a_refused_key_ends_the_ingest_without_a_bye() {
    let simulator = serve(SimulatorConfig { token: Some("good".to_owned()), ..Default::default() }).await.unwrap();
    let memory = Memory::default();
    let (_stop, running) = start(config(simulator.url(), "s3cr3t", &["AAPL"]), &memory);
    let error = timeout(DEADLINE, running).await.unwrap().unwrap().unwrap_err();
    let text = format!("{error:#} {error:?}");
    assert!(text.contains("401") && !text.contains("s3cr3t"), "{text}");
    assert!((0..PARTITIONS).all(|p| memory.control(p, "bye").is_empty()));
}
