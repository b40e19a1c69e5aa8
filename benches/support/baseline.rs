//! Baselines of the figures: a bare loop over the same bytes, and the same candles by differential's own operators.

use std::sync::Arc;
use std::time::Instant;

use dataflows::log::control::Control;
use dataflows::log::decode::{RawTrade, Visitor, decode};
use dataflows::log::reject::Reason;
use differential_dataflow::Data;
use differential_dataflow::difference::{IsZero, Semigroup};
use differential_dataflow::input::{Input as _, InputSession};
use differential_dataflow::operators::CountTotal as _;
use serde::{Deserialize, Serialize};
use timely::dataflow::operators::Probe;
use timely::dataflow::operators::probe::Handle;
use timely::worker::Worker;

use super::input::{Feed, Input};

struct Sum(i128);

impl Visitor for Sum {
    fn trade(&mut self, _: u32, trade: &RawTrade<'_>) {
        self.0 = self.0.wrapping_add(trade.price ^ trade.volume).wrapping_add(i128::from(trade.event_ms));
    }

    fn control(&mut self, _: Control<'_>) {}

    fn reject(&mut self, _: u32, reason: Reason, _: &[u8]) {
        assert_eq!(reason, Reason::TooLarge, "the bench's records are whole");
    }
}

/// Decodes all records and adds them up, nothing else: trades a second.
pub fn bare_decode(input: &Input) -> f64 {
    let Input::Json(partitions, _) = input else { return 0.0 };
    let start = Instant::now();
    let mut sum = Sum(0);
    for batch in partitions.iter().flatten() {
        for span in &batch.records {
            decode(batch.record(span), span.total_len, &mut sum);
        }
    }
    assert_ne!(std::hint::black_box(sum.0), 0);
    input.trades() as f64 / start.elapsed().as_secs_f64()
}

/// 5 s candles only, by differential's `reduce` over the trades of each (symbol, window): trades a second. No roll-ups,
/// no digest: it does a fraction of the work.
pub fn differential_reduce(feed: &Feed) -> f64 {
    let build = |worker: &mut Worker| {
        worker.dataflow::<u64, _, _>(|scope| {
            let (input, trades) = scope.new_collection::<((u32, u64), (u64, u32, u32)), i64>();
            let candles = trades.reduce(|_, trades, output| {
                let first = trades[0].0;
                let last = trades[trades.len() - 1].0;
                let high = trades.iter().map(|(t, _)| t.1).max();
                let low = trades.iter().map(|(t, _)| t.1).min();
                let volume: i128 = trades.iter().map(|(t, n)| i128::from(t.2) * i128::from(*n)).sum();
                output.push(((first.1, last.1, high, low, volume), 1_i64));
            });
            (input, candles.inner.probe().0)
        })
    };
    rate(feed, build, |key, event_ms, price, volume| ((key, (event_ms, price, volume)), 1))
}

/// The same with the candle as the difference of its key, which differential adds up by itself: its fastest way.
pub fn differential_count(feed: &Feed) -> f64 {
    let build = |worker: &mut Worker| {
        worker.dataflow::<u64, _, _>(|scope| {
            let (input, trades) = scope.new_collection::<(u32, u64), CandleDifference>();
            (input, trades.count_total().inner.probe().0)
        })
    };
    rate(feed, build, |key, event_ms, price, volume| {
        let at = (event_ms, price);
        (key, CandleDifference { open: at, close: at, high: price, low: price, volume: volume.into() })
    })
}

/// Trades of a candle, as something that can be added.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct CandleDifference {
    /// Time and price.
    open: (u64, u32),
    close: (u64, u32),
    high: u32,
    low: u32,
    volume: i128,
}

impl IsZero for CandleDifference {
    fn is_zero(&self) -> bool {
        false
    }
}

impl Semigroup for CandleDifference {
    fn plus_equals(&mut self, other: &Self) {
        self.open = self.open.min(other.open);
        self.close = self.close.max(other.close);
        self.high = self.high.max(other.high);
        self.low = self.low.min(other.low);
        self.volume += other.volume;
    }
}

/// Runs a dataflow over the trades, its frontier moved each second of event time: trades a second. `update` makes an
/// update of symbol and window, time, price and volume.
fn rate<D: Data, R: Semigroup + 'static>(
    feed: &Feed,
    build: impl FnOnce(&mut Worker) -> (InputSession<u64, D, R>, Handle<u64>) + Send + Sync + 'static,
    update: impl Fn((u32, u64), u64, u32, u32) -> (D, R) + Send + Sync + 'static,
) -> f64 {
    let feed_trades = Arc::new(feed.feed_trades());
    let count: usize = feed_trades.iter().map(Vec::len).sum();
    let start = Instant::now();
    timely::execute_directly(move |worker| {
        let (mut input, probe) = build(worker);
        let mut merged: Vec<_> = feed_trades.iter().flatten().copied().collect();
        merged.sort_by_key(super::input::FeedTrade::event_ms);
        let mut now = 0;
        for feed_trade in merged {
            let (symbol, price, volume) = feed_trade.values();
            let (event_ms, second) = (feed_trade.event_ms(), feed_trade.event_ms() / 1_000);
            if second > now {
                now = second;
                input.advance_to(now);
                input.flush();
                worker.step_while(|| probe.less_than(&now));
            }
            let (data, difference) = update((symbol, event_ms / 5_000), event_ms, price, volume);
            input.update(data, difference);
        }
        input.advance_to(now + 1);
        input.flush();
        worker.step_while(|| probe.less_than(&(now + 1)));
    });
    count as f64 / start.elapsed().as_secs_f64()
}
