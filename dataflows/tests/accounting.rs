//! No record is in none of these: an accepted trade, a rejection, a counter, or a trade that waits to be confirmed. And
//! in no two of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use dataflows::ingress::Ingress;
use dataflows::log::reject::Reason;
use dataflows::output::counters::Counter;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;
use proptest::prelude::*;

mod oracle;
mod support;

use oracle::generate;
use oracle::json::{Object, array, text};
use oracle::{Log, Record, Settings};

/// Contents of a record: the elements of a frame, or itself.
fn parts(record: &Record) -> u64 {
    let readable = std::str::from_utf8(&record.bytes).ok().filter(|text| text.len() <= 1024 * 1024);
    let Some(object) = readable.and_then(Object::read) else { return 1 };
    let is_frame = object.get("type").and_then(text).as_deref() == Some("trade");
    object.get("data").and_then(array).filter(|_| is_frame).map_or(1, |elements| elements.len() as u64)
}

/// Whether a counter counts a part once, and not a property of it.
fn counts_parts(counter: Counter) -> bool {
    !matches!(
        counter,
        Counter::Rejected(Reason::MoreRejected)
            | Counter::Late
            | Counter::PriceUpdates
            | Counter::Excluded
            | Counter::Rounded
    )
}

/// Feeds a log, and compares what it holds with what was counted and what waits. Returns how many trades wait.
fn check(settings: &Settings, log: &Log) -> Result<u64, TestCaseError> {
    let start = |partition| ResumePoint::fresh(partition, 0);
    let starts = (0..log.len() as u32).map(start).collect();
    let mut ingress = Ingress::new(support::settings(settings), 0, 1, starts, 0);
    for binding in support::bindings(settings).into_iter().filter(|binding| (binding.partition as usize) < log.len()) {
        ingress.add_binding(binding.partition as usize, binding);
    }
    let mut held = 0;
    for (at, records) in log.iter().enumerate() {
        let read = ingress.feed(at, &support::batch(records), 0);
        held += records[..read].iter().map(parts).sum::<u64>();
    }
    let all: Vec<Counter> = Counter::all().collect();
    let counts = ingress.take().counts.into_iter().flat_map(|change| change.counters);
    let counted: u64 = counts.filter(|(at, _)| counts_parts(all[usize::from(*at)])).map(|(_, count)| count).sum();
    let waiting: u64 = (0..log.len()).map(|at| ingress.records_from(at, Time::MAX)).sum();
    let ahead: u64 = (0..log.len()).map(|at| ingress.ahead(at) as u64).sum();
    prop_assert_eq!(counted + waiting + ahead, held, "{} wait, {} are ahead", waiting, ahead);
    Ok(waiting)
}

#[test]
fn everything_that_is_read_is_counted_or_waits() {
    let waiting = std::cell::Cell::new(0);
    support::check(256, &generate::cases(), |(settings, plan)| {
        waiting.set(waiting.get() + check(&settings, &plan.log())?);
        Ok(())
    });
    assert!(waiting.get() > 0, "no trade waited in any case");
    support::check(64, &generate::paced_cases(), |(settings, plan)| check(&settings, &plan.log()).map(|_| ()));
}

/// How many bindings are known when the first trades are judged is chance: only the first frontier counts.
#[test]
fn a_first_trade_that_comes_twice_counts_as_of_the_first_frontier() {
    let trade = r#"{"id":"17","p":93.89,"s":"A","t":1570838370218,"v":1}"#;
    let log = oracle::log_of(&[&[trade, trade]]);
    let bindings = Some(vec![(0, 2, 1_570_838_360_000), (0, 3, 1_570_838_380_000)]);
    let settings = Settings { bindings, dedup: true, ..Settings::default() };
    let start = ResumePoint::fresh(0, 0);
    let mut ingress = Ingress::new(support::settings(&settings), 0, 1, vec![start], 0);
    support::bindings(&settings).into_iter().for_each(|binding| ingress.add_binding(0, binding));
    assert_eq!(ingress.feed(0, &support::batch(&log[0]), 0), 2);
    ingress.bind_up_to(0, 9);
    let duplicates = Counter::Duplicates.index() as u8;
    let counts = ingress.take().counts.into_iter();
    let times: Vec<Time> =
        counts.filter(|change| change.counters.contains(&(duplicates, 1))).map(|change| change.time).collect();
    assert_eq!(times, [1_570_838_360_000]);
}
