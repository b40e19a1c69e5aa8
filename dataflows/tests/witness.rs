//! A witness sees every decision once, and nothing else: what is counted, and what is sent on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};

use dataflows::candles::candle::{Candle, Place, Trade};
use dataflows::ingress::Ingress;
use dataflows::ingress::router::Outgoing;
use dataflows::ingress::witness::{Decision, Part, Witness};
use dataflows::log::reject::Reason;
use dataflows::output::counters::Counter;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::{Resolution, Time};
use proptest::prelude::*;

mod oracle;
mod support;

use oracle::{Log, Settings, generate};

/// Numbers of what is counted, by time and counter.
type Counts = BTreeMap<(Time, usize), u64>;
/// Trades by time, symbol and window.
type Candles = BTreeMap<(Time, String, u64), Candle>;

/// What was seen.
#[derive(Default)]
struct Seen {
    counts: Counts,
    candles: Candles,
    places: BTreeSet<(u32, u64, u32)>,
    is_twice: bool,
    /// Trades that were seen at the end, because they were far ahead.
    ahead: u64,
}

impl Seen {
    fn count(&mut self, time: Time, counter: Counter) {
        *self.counts.entry((time, counter.index())).or_default() += 1;
    }
}

impl Witness for Seen {
    fn decided(&mut self, part: &Part<'_>, decision: Decision<'_>) {
        self.is_twice |= !self.places.insert((part.partition, part.offset, part.index));
        match decision {
            Decision::Accepted { trade, time, is_late, flags } => {
                self.count(time, Counter::Trades);
                if is_late {
                    self.count(time, Counter::Late);
                }
                if flags.is_none() {
                    return self.count(time, Counter::Excluded);
                }
                let Part { partition, offset, index, .. } = *part;
                let place = Place { event_ms: trade.event_ms, partition, offset, index };
                let one = Trade { place, price: trade.price, volume: trade.volume, flags };
                let key = (time, trade.symbol.to_owned(), Resolution::S5.window_start_ms(trade.event_ms));
                self.candles.entry(key).and_modify(|candle| candle.add(&one)).or_insert_with(|| Candle::of(&one));
            }
            Decision::Duplicate { as_of } => self.count(as_of, Counter::Duplicates),
            Decision::Rejected { reason, as_of } => self.count(as_of, Counter::Rejected(reason)),
        }
    }
}

/// Whether a witness sees what is counted so.
fn is_seen(counter: Counter) -> bool {
    match counter {
        Counter::Rejected(reason) => reason != Reason::MoreRejected,
        Counter::Trades | Counter::Late | Counter::Excluded | Counter::Duplicates => true,
        _ => false,
    }
}

/// What an ingress counts and sends.
fn sent(outgoing: Outgoing, counts: &mut Counts, candles: &mut Candles, names: &mut BTreeMap<u32, String>) {
    let all: Vec<Counter> = Counter::all().collect();
    for change in outgoing.counts {
        for (at, count) in change.counters.into_iter().filter(|(at, _)| is_seen(all[usize::from(*at)])) {
            *counts.entry((change.time, usize::from(at))).or_default() += count;
        }
    }
    for delivery in outgoing.deliveries {
        names.extend(delivery.symbols.into_iter().map(|(number, symbol)| (number, symbol.to_string())));
        for partial in delivery.partials {
            let key = (partial.time, names[&partial.symbol].clone(), partial.window_start_ms);
            candles.entry(key).and_modify(|candle| candle.merge(&partial.candle)).or_insert(partial.candle);
        }
    }
}

/// Reads a log as of a time, with a witness and without.
fn check(settings: &Settings, log: &Log, resumed_from: Time) -> Result<Seen, TestCaseError> {
    let starts: Vec<_> = (0..log.len() as u32).map(|partition| ResumePoint::fresh(partition, 0)).collect();
    let of = support::settings(settings);
    let mut ingress = Ingress::watched(of.clone(), (0, 1), starts.clone(), resumed_from, Seen::default());
    let mut unwatched = Ingress::new(of, 0, 1, starts, resumed_from);
    let (mut counts, mut candles, mut names) = (Counts::new(), Candles::new(), BTreeMap::new());
    for binding in support::bindings(settings).into_iter().filter(|binding| (binding.partition as usize) < log.len()) {
        ingress.add_binding(binding.partition as usize, binding);
        unwatched.add_binding(binding.partition as usize, binding);
    }
    for (at, records) in log.iter().enumerate() {
        let batch = support::batch(records);
        prop_assert_eq!(ingress.feed(at, &batch, 0), unwatched.feed(at, &batch, 0));
        let (watched, unwatched) = (ingress.take(), unwatched.take());
        prop_assert_eq!(format!("{watched:?}"), format!("{unwatched:?}"), "a witness changes nothing");
        sent(watched, &mut counts, &mut candles, &mut names);
    }
    let ahead: u64 = (0..log.len()).map(|at| ingress.ahead(at) as u64).sum();
    let seen = Seen { ahead, ..ingress.into_witness() };
    prop_assert!(!seen.is_twice);
    // Those that are far ahead have been seen at the end, and were not sent.
    let (mut counted, trades) = (seen.counts.clone(), Counter::Trades.index());
    let mut waiting = 0;
    for ((time, counter), count) in &seen.counts {
        let fewer = count - counts.get(&(*time, *counter)).copied().unwrap_or(0).min(*count);
        if fewer > 0 && *counter == trades {
            waiting += fewer;
            counted.insert((*time, *counter), count - fewer);
        }
    }
    prop_assert_eq!(waiting, ahead);
    if ahead == 0 {
        counted.retain(|_, count| *count > 0);
        prop_assert_eq!(counted, counts);
        prop_assert_eq!(&seen.candles, &candles);
    }
    Ok(seen)
}

#[test]
fn a_witness_sees_every_decision_once() {
    let (whole, ahead) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let both = |settings: &Settings, log: &Log| {
        let seen = check(settings, log, 0)?;
        let times: BTreeSet<Time> = seen.counts.keys().map(|(time, _)| *time).collect();
        if let Some(middle) = times.iter().nth(times.len() / 2) {
            let later = check(settings, log, *middle)?;
            let of_later = seen.counts.iter().filter(|((time, _), _)| time >= middle);
            let expected: Counts = of_later.map(|(key, count)| (*key, *count)).collect();
            prop_assert_eq!(later.counts, expected, "what was decided before is not shown");
        }
        let cases = if seen.ahead == 0 { &whole } else { &ahead };
        cases.set(cases.get() + 1);
        Ok(())
    };
    support::check(256, &generate::cases(), |(settings, plan)| both(&settings, &plan.log()));
    support::check(64, &generate::paced_cases(), |(settings, plan)| both(&settings, &plan.log()));
    assert!(whole.get() > 100 && ahead.get() > 20, "{whole:?} {ahead:?}");
}
