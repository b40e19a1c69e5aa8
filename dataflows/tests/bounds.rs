//! What one record or one clock can cost: rows and bytes of a frame of garbage, and how far a trade ahead of time holds
//! back where a run resumes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use dataflows::candles::candle::{Candle, Place, Trade};
use dataflows::candles::group::Group;
use dataflows::candles::state::WindowState;
use dataflows::ingress::delivery::Partial;
use dataflows::ingress::router::Outgoing;
use dataflows::ingress::{Ingress, PartitionMemory};
use dataflows::log::batch::RecordBatch;
use dataflows::log::conditions::Flags;
use dataflows::log::reject::Reason;
use dataflows::output::counters::Counter;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;
use dataflows::state::snapshot::decode_memory;
use dataflows::symbols::symbol::Symbol;

mod oracle;
mod support;

/// 2019-12-04, noon.
const NOON: u64 = 1_575_460_800_000;

fn trade(symbol: &str, event_ms: u64) -> String {
    format!(r#"{{"c":null,"p":1,"s":"{symbol}","t":{event_ms},"v":1}}"#)
}

fn progress(event_ms: u64) -> String {
    format!(r#"{{"type":"progress","source":"a","event_ms":{event_ms}}}"#)
}

fn ingress(start: ResumePoint, resumed_from: Time) -> Ingress {
    Ingress::new(support::settings(&oracle::Settings::default()), 0, 1, vec![start], resumed_from)
}

fn fresh() -> Ingress {
    ingress(ResumePoint::fresh(0, 0), 0)
}

/// Reads lines from this offset on; returns what comes of them.
fn read(ingress: &mut Ingress, from: u64, lines: &[String]) -> Outgoing {
    let mut batch = RecordBatch::default();
    (from..).zip(lines).for_each(|(offset, line)| batch.push(offset, line.as_bytes(), None));
    assert_eq!(ingress.feed(0, &batch, 0), lines.len());
    ingress.take()
}

fn trades(outgoing: &Outgoing) -> usize {
    outgoing.deliveries.iter().map(|delivery| delivery.partials.len()).sum()
}

fn counted(outgoing: &Outgoing, counter: Counter) -> u64 {
    let counts = outgoing.counts.iter().flat_map(|change| &change.counters);
    counts.filter(|(at, _)| usize::from(*at) == counter.index()).map(|(_, count)| count).sum()
}

#[test]
fn a_frame_of_garbage_costs_no_more_than_its_bytes() {
    let element = "{\"p\":1,\"s\":\"A\"}";
    let frame = format!(r#"{{"type":"trade","data":[{}]}}"#, vec![element; 65_000].join(","));
    assert!(frame.len() < 1 << 20);
    let outgoing = read(&mut fresh(), 0, std::slice::from_ref(&frame));
    let bytes: usize = outgoing.rejected.iter().map(|(row, ..)| row.original.len()).sum();
    assert!(bytes < frame.len(), "{bytes} bytes for a record of {}", frame.len());
    assert_eq!(outgoing.rejected.len(), 257);
    assert_eq!(counted(&outgoing, Counter::Rejected(Reason::MissingField)), 65_000, "every element is counted");
    let (row, ..) = &outgoing.rejected[255];
    assert_eq!((&*row.original, row.original_bytes_total), (element.as_bytes(), element.len() as u64));
    let (last, ..) = &outgoing.rejected[256];
    assert_eq!((last.index, last.reason), (256, Reason::MoreRejected));
    assert_eq!(&*last.original, br#"{"rejected":65000,"with_rows":256}"#);
}

/// Reads 100 minutes of trades, of which the first is this far ahead. Returns the resume point at the end.
fn resume_point(ahead_ms: u64) -> (ResumePoint, PartitionMemory) {
    let mut ingress = fresh();
    let mut lines = vec![progress(NOON), trade("EARLY", NOON + ahead_ms)];
    for minute in 0..20 {
        lines.push(trade("A", NOON + minute * 60_000 + 500));
        lines.push(progress(NOON + (minute + 1) * 60_000));
    }
    // A place to resume from is marked at the beginning of a batch.
    for (offset, line) in lines.iter().enumerate() {
        read(&mut ingress, offset as u64, std::slice::from_ref(line));
    }
    let frontier = NOON + 20 * 60_000;
    assert_eq!(ingress.frontier(), Some(frontier));
    let point = ingress.resume_points(frontier).remove(0);
    assert_eq!(ingress.read_points()[0].offset, lines.len() as u64);
    let shards = ingress.memory_shards(frontier).unwrap();
    (point, shards.first().map(|shard| decode_memory(&shard.bytes).unwrap()).unwrap_or_default())
}

#[test]
fn a_trade_far_ahead_does_not_hold_back_the_resume_point() {
    let (point, memory) = resume_point(1_000);
    assert_eq!((point.offset, memory.ahead()), (42, 0));
    let (point, memory) = resume_point(3_000_000);
    assert_eq!(point.offset, 42, "it is not read again");
    assert_eq!(memory.ahead(), 1);
    let mut resumed = ingress(point, NOON + 20 * 60_000);
    resumed.restore(0, memory);
    assert_eq!((resumed.ahead(0), resumed.records_from(0, NOON + 20 * 60_000)), (1, 1), "it is still shown to wait");
    let outgoing = read(&mut resumed, 42, &[progress(NOON + 21 * 60_000)]);
    assert_eq!(trades(&outgoing), 0, "its time has not come near");
    let leaps: Vec<String> = (22..52).map(|minute| progress(NOON + minute * 60_000)).collect();
    let outgoing = read(&mut resumed, 43, &leaps);
    assert_eq!((trades(&outgoing), counted(&outgoing, Counter::Trades)), (1, 1));
    assert_eq!(resumed.ahead(0), 0);
    assert_eq!(trades(&resumed.take()), 0, "it comes once");
}

#[test]
fn a_first_trade_far_ahead_of_the_first_progress_is_rejected() {
    let mut ingress = fresh();
    let lines = [trade("A", NOON), trade("A", 3_976_214_400_000), trade("A", NOON + 3_600_000)];
    let outgoing = read(&mut ingress, 0, &lines);
    assert_eq!((trades(&outgoing), ingress.records_from(0, 0)), (0, 3), "they wait, and are shown to");
    let outgoing = read(&mut ingress, 3, &[progress(NOON)]);
    assert_eq!((trades(&outgoing), ingress.ahead(0)), (1, 1));
    let rejected: Vec<_> = outgoing.rejected.iter().map(|(row, ..)| (row.offset, row.reason, row.as_of)).collect();
    assert_eq!(rejected, [(1, Reason::TooFarAhead, NOON)]);
}

#[test]
fn symbols_beyond_the_limit_are_rejected() {
    let settings = oracle::Settings { symbols_max: 2, ..oracle::Settings::default() };
    let start = ResumePoint::fresh(0, 0);
    let mut ingress = Ingress::new(support::settings(&settings), 0, 1, vec![start], 0);
    let lines: Vec<String> =
        std::iter::once(progress(NOON)).chain((0..50_000).map(|n| trade(&format!("S{}", n % 10_000), NOON))).collect();
    let outgoing = read(&mut ingress, 0, &lines);
    assert_eq!((trades(&outgoing), counted(&outgoing, Counter::Trades)), (2, 10), "two symbols, five times each");
    assert_eq!(counted(&outgoing, Counter::Rejected(Reason::TooManySymbols)), 49_990);
    let names: usize = outgoing.deliveries.iter().map(|delivery| delivery.symbols.len()).sum();
    assert_eq!(names, 2, "no state is made for the others");
}

/// Bytes of the state of symbols that traded in every window of an hour, after another one went on alone for this long.
fn state_bytes(idle_minutes: u64) -> usize {
    const SYMBOLS: u64 = 50;
    let names: Vec<Symbol> = (0..=SYMBOLS).map(|n| Symbol::new(&format!("S{n}")).unwrap()).collect();
    let mut state = WindowState::new(&support::settings(&oracle::Settings::default()));
    for name in names {
        state.add_symbol(name);
    }
    for window in 0..12 * (60 + idle_minutes) {
        let time = NOON + window * 5_000;
        let of = |symbol: u64| {
            let place = Place { event_ms: time, partition: 0, offset: window, index: 0 };
            let price = 10_i128.pow(18) * i128::from(symbol + window % 7 + 1);
            let trade = Trade { place, price, volume: 10_i128.pow(10), flags: Flags::ALL };
            Partial { candle: Candle::of(&trade), window_start_ms: time, time, symbol: symbol as u32 }
        };
        let first = if window < 12 * 60 { 0 } else { SYMBOLS };
        let mut group = Group::new(vec![(time, (first..=SYMBOLS).map(of).collect())]);
        assert!(state.apply(&mut group, &mut { usize::MAX }, |_| (), |_| ()));
    }
    state.begin_snapshot(NOON);
    let (_, segments) = state.continue_snapshot(usize::MAX).unwrap();
    segments.unwrap().iter().map(|segment| segment.bytes.len()).sum()
}

#[test]
fn idle_symbols_shrink() {
    let (trading, idle) = (state_bytes(0), state_bytes(17));
    assert!(trading > 50 * 40_000, "{trading} bytes while they trade");
    assert!(idle < 50 * 8_000 + 100_000, "{idle} bytes when they are idle");
}
