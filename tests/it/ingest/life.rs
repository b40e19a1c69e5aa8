//! No progress without a sign of life: a dead feed stalls the frontier at once and is a gap from there; a quiet one
//! does not; a clock that was set stops progress.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use futures_util::SinkExt as _;
use simulator::fault::Fault;
use simulator::{SimulatorConfig, serve};
use tickline::ingest::IngestConfig;
use tickline::ingest::metrics::Withheld;
use tokio_tungstenite::tungstenite::Message;

use crate::ingest::faults::{Outcome, SYMBOLS, flows, survive_into};
use crate::ingest::memory::{Memory, PARTITIONS, config, end, start, until};
use crate::ingest::script::listen;

const MAX_OUT_OF_ORDERNESS_MS: u64 = 1_500;
const TIMEOUT: Duration = Duration::from_secs(4);

fn now_ms() -> u64 {
    jiff::Timestamp::now().as_millisecond() as u64
}

fn impatient(config: &mut IngestConfig) {
    config.feed.liveness_timeout = TIMEOUT;
}

/// A feed that dies is given up after the timeout. Until then it must not have looked complete.
async fn dies(fault: Fault) -> Outcome {
    let memory = Memory::default();
    let (died, looked) = (Cell::new(None), Cell::new(false));
    let outcome = survive_into(&memory, fault, impatient, |counters, meter| {
        if counters.faults.load(Ordering::Relaxed) > 0 && died.get().is_none() {
            died.set(Some((Instant::now(), now_ms())));
        }
        if let Some((at, died_ms)) = died.get()
            && !looked.get()
            && at.elapsed() > TIMEOUT * 3 / 4
        {
            // It is not even given up yet.
            assert_eq!((meter.connections.get(), meter.gaps()), (1, 0));
            assert!(meter.is_withheld(Withheld::Feed));
            for partition in 0..PARTITIONS {
                let progress_ms = memory.progress_ms(partition);
                assert!(progress_ms > 0 && progress_ms <= died_ms - MAX_OUT_OF_ORDERNESS_MS, "{progress_ms} {died_ms}");
            }
            looked.set(true);
        }
        meter.gaps() > 0 && looked.get()
    })
    .await;
    let (_, died_ms) = died.get().unwrap();
    assert!(outcome.faults >= 1 && outcome.balance.missing == 0, "nothing was sent after it: {:?}", outcome.balance);
    assert!(outcome.causes()[0].contains("no sign of life for 4000 ms"), "{:?}", outcome.causes());
    for (partition, gaps) in outcome.kept.gaps.iter().enumerate() {
        let (from_ms, to_ms) = (gaps[0]["from_ms"].as_u64().unwrap(), gaps[0]["to_ms"].as_u64().unwrap());
        assert!(from_ms <= died_ms - MAX_OUT_OF_ORDERNESS_MS && from_ms + 3_500 >= died_ms, "{from_ms} {died_ms}");
        assert!(to_ms >= died_ms + 3_000, "{to_ms} {died_ms}");
        let records = memory.of(partition);
        let gap = records.iter().position(|record| record.starts_with(r#"{"type":"gap""#)).unwrap();
        let before = records[..gap].iter().rev().find(|record| record.starts_with(r#"{"type":"progress""#)).unwrap();
        let before: serde_json::Value = serde_json::from_str(before).unwrap();
        assert_eq!(before["event_ms"].as_u64(), Some(from_ms), "the gap begins where progress ended");
    }
    outcome
}

#[tokio::test]
async fn a_stalled_feed_stalls_progress_and_is_a_gap() {
    dies(Fault::StallAfter(Duration::from_millis(2_500))).await;
}

#[tokio::test]
async fn a_feed_of_pings_alone_stalls_progress_and_is_a_gap() {
    dies(Fault::DeafAfter(Duration::from_millis(2_500))).await;
}

#[tokio::test]
async fn a_quiet_feed_that_answers_pings_makes_progress() {
    let memory = Memory::default();
    let outcome = survive_into(&memory, Fault::OnlyPingsAfter(Duration::from_millis(1_800)), impatient, |_, meter| {
        let beyond_ms = 2_000 + u64::try_from(meter.trade_ms.get()).unwrap();
        // Longer than the timeout after the last trade.
        let goes_on = (0..PARTITIONS).all(|p| memory.progress_ms(p) > beyond_ms + TIMEOUT.as_millis() as u64);
        assert!(!goes_on || !meter.is_withheld(Withheld::Feed));
        flows(meter) && goes_on
    })
    .await;
    assert_eq!((outcome.faults, outcome.report.connections, outcome.report.gaps), (1, 1, 1));
}

#[tokio::test]
async fn trades_count_where_pings_are_not_answered() {
    let (listener, url) = listen().await;
    let memory = Memory::default();
    let mut config = config(url, "token", &["21"]);
    impatient(&mut config);
    let meter = config.meter.clone();
    let (stop, running) = start(config, &memory);
    let (stream, _) = listener.accept().await.unwrap();
    // It is never read from, so there are no pongs.
    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    let begun = Instant::now();
    let mut first = None;
    while begun.elapsed() < TIMEOUT * 3 / 2 {
        socket.send(Message::text(r#"{"data":[{"s":"21","t":1}],"type":"trade"}"#)).await.unwrap();
        if memory.progress_ms(0) > 0 {
            first.get_or_insert(begun.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let first = first.expect("progress");
    assert!(first >= TIMEOUT / 2 - Duration::from_millis(500), "a pong might have come: {first:?}");
    assert_eq!((meter.connections.get(), meter.gaps()), (1, 0));
    let stopped_ms = now_ms();
    // Without trades it is dead.
    until("the end of the connection", || meter.connected.get() == 0).await;
    assert!((0..PARTITIONS).all(|p| memory.progress_ms(p) <= stopped_ms - MAX_OUT_OF_ORDERNESS_MS));
    end(&stop, running).await.unwrap();
    memory.assert_no_gap_in_complete_time();
}

/// How far the test's wall clock is ahead, in milliseconds.
static AHEAD_MS: AtomicI64 = AtomicI64::new(0);
const WRONG_MS: i64 = 600_000;

fn wall_clock() -> u64 {
    now_ms().saturating_add_signed(AHEAD_MS.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_clock_that_is_set_stops_progress_until_trades_agree() {
    let simulator = serve(SimulatorConfig { activity: 10, ..Default::default() }).await.unwrap();
    let memory = Memory::default();
    let mut config = config(simulator.url(), "token", &SYMBOLS);
    config.wall_clock = wall_clock;
    config.feed.liveness_timeout = TIMEOUT;
    let meter = config.meter.clone();
    let progress = || (0..PARTITIONS).map(|p| memory.progress_ms(p)).max().unwrap();
    let (stop, running) = start(config, &memory);
    until("progress", || progress() > 0 && flows(&meter)).await;
    // Set forward, which is wrong: the trades do not agree.
    AHEAD_MS.store(WRONG_MS, Ordering::Relaxed);
    until("the step", || meter.clock_steps.get() == 1).await;
    let (stalled_ms, trades) = (progress(), meter.trades.get());
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(meter.trades.get() > trades + 10 && meter.is_withheld(Withheld::Clock));
    assert_eq!(progress(), stalled_ms);
    // Set back.
    AHEAD_MS.store(0, Ordering::Relaxed);
    until("progress after the step was undone", || progress() > stalled_ms).await;
    assert!(!meter.is_withheld(Withheld::Clock) && progress() <= now_ms());
    end(&stop, running).await.unwrap();

    // The next ingest starts with a slow clock, which is then set right: the trades agree.
    let memory = Memory::default();
    let mut config = self::config(simulator.url(), "token", &SYMBOLS);
    config.wall_clock = wall_clock;
    let meter = config.meter.clone();
    let progress = || (0..PARTITIONS).map(|p| memory.progress_ms(p)).max().unwrap();
    AHEAD_MS.store(-WRONG_MS, Ordering::Relaxed);
    let (stop, running) = start(config, &memory);
    until("progress", || progress() > 0 && flows(&meter)).await;
    assert!(progress() < now_ms() - 500_000);
    AHEAD_MS.store(0, Ordering::Relaxed);
    until("progress at the right time", || progress() > now_ms() - 10_000).await;
    assert_eq!((meter.clock_steps.get(), meter.gaps()), (1, 0));
    assert!(!meter.is_withheld(Withheld::Clock));
    end(&stop, running).await.unwrap();
    memory.assert_no_gap_in_complete_time();
    simulator.stop().await.unwrap();
}
