//! A steady feed: trades in every partition, and the progress of their source after each of its steps. What is
//! published moves all the time, which is rare in logs that are made to be odd.

use proptest::prelude::*;

use crate::oracle::generate::{Case, Plan, Step, Style, TradeStep};
use crate::oracle::{Conditions, Settings};

const PARTITIONS: usize = 3;

/// A feed of a number of steps, with this time between them. Each trade is up to `age_ms` old, and its price
/// differs from those of its neighbours.
pub fn steady(steps: usize, step_ms: i64, age_ms: i64) -> Case {
    let trade = |step: usize, symbol: usize| TradeStep {
        symbol,
        age_ms: 100 + (step as i64 * 7_919 + symbol as i64 * 1_031) % age_ms.max(1),
        price: format!("{}.5", 10 + step),
        volume: "3".to_owned(),
        conditions: None,
        style: Style::Plain,
        id: String::new(),
    };
    let step = |step| {
        let trades = (0..PARTITIONS)
            .flat_map(move |at| [Step::Trade(at, trade(step, at)), Step::Trade(at, trade(step, at + 1))]);
        trades.chain([Step::Wait(step_ms), Step::Progress { partition: None, source: 0, lag_ms: 500 }])
    };
    let steps = (0..steps).flat_map(step).collect();
    let plan = Plan { partitions: PARTITIONS, start_ms: 1_570_838_400_000, timestamps: false, gaps: false, steps };
    (Settings { conditions: Conditions::finnhub(), ..Settings::default() }, plan)
}

/// Short feeds, some of them with late trades.
pub fn short_feeds() -> impl Strategy<Value = Case> {
    let age = prop::sample::select(vec![1, 5_000, 50_000]);
    (4..20_usize, 1_000..9_000_i64, age).prop_map(|(steps, step_ms, age_ms)| steady(steps, step_ms, age_ms))
}
