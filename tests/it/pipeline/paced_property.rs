//! Any topic of another producer: with the progress log of `pace` each trade gets its candle, whatever partitions are
//! idle, and every number of workers the same digest.

use std::collections::BTreeMap;

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use proptest::{collection, test_runner::Config};
use serde_json::Value;

use crate::shared::process::Home;
use crate::shared::raw_log::append;
use crate::shared::tables;

const T0: u64 = 1_700_000_000_000;
const DAY_MS: u64 = 86_400_000;
const WINDOW_MS: u64 = 5_000;
/// How far a trade may lie behind an earlier one: less than the bound of `pace`, which is 5 s.
const BEHIND_MS: u64 = 4_900;

/// Partitions, each the pause before each trade and how far it lies behind.
fn partitions() -> impl Strategy<Value = Vec<Vec<(u64, u64)>>> {
    let trade = (prop_oneof![8 => 0..2_000_u64, 1 => 60_000..600_000_u64], 0..=BEHIND_MS);
    let partition = prop_oneof![1 => Just(Vec::new()), 3 => collection::vec(trade, 6..60)];
    collection::vec(partition, 1..6)
}

/// The symbol and time of each trade of a partition that begins at `from_ms`.
fn trades(number: usize, pauses: &[(u64, u64)], from_ms: u64) -> Vec<(String, u64)> {
    let mut now_ms = from_ms;
    let trade = |(at, (pause_ms, behind_ms)): (usize, &(u64, u64))| {
        now_ms += pause_ms;
        (format!("S{number}{}", if at % 2 == 0 { "A" } else { "B" }), now_ms - behind_ms)
    };
    pauses.iter().enumerate().map(trade).collect()
}

fn line((symbol, event_ms): &(String, u64)) -> String {
    format!(r#"{{"c":null,"p":2,"s":"{symbol}","t":{event_ms},"v":1}}"#)
}

fn pace_and_work(home: &Home) -> BTreeMap<String, u64> {
    home.ok("pace --log dir:log --progress dir:progress --until-end");
    home.ok("work --log dir:log --progress dir:progress --store sqlite:rows.db --until-end --workers 2");
    // Each frontier is compared, so the digests of all three are the same.
    for workers in [1, 2, 4] {
        let line = format!("verify --log dir:log --progress dir:progress --store sqlite:rows.db --workers {workers}");
        assert!(!home.ok(&line).contains("were not compared"), "nothing lies after the last frontier");
    }
    let status: Value = serde_json::from_str(&home.ok("status --store sqlite:rows.db --format json")).unwrap();
    let counters = status["counters"].as_object().unwrap();
    counters.iter().map(|(name, count)| (name.clone(), count.as_u64().unwrap())).collect()
}

fn rejected(counters: &BTreeMap<String, u64>) -> u64 {
    counters.iter().filter(|(name, _)| name.starts_with("rejected_")).map(|(_, count)| count).sum()
}

proptest! {
    #![proptest_config(Config::with_cases(12))]
    #[test]
    fn any_foreign_topic_is_complete_and_the_same_on_any_number_of_workers(
        pauses in partitions(),
        starts_s in collection::vec(0..1_800_u64, 6),
        wrong in any::<Option<prop::sample::Index>>(),
        junk in collection::vec(any::<prop::sample::Index>(), 0..3),
        again in partitions(),
    ) {
        let home = Home::new();
        home.ok(&format!("setup --log dir:log --partitions {}", pauses.len()));
        let mut candles = BTreeMap::new();
        for (number, pauses) in pauses.iter().enumerate() {
            let trades = trades(number, pauses, T0 + starts_s[number] * 1_000);
            for (symbol, event_ms) in &trades {
                *candles.entry((symbol.clone(), event_ms - event_ms % WINDOW_MS)).or_insert(0_u64) += 1;
            }
            append(&home, number, &trades.iter().map(line).collect::<Vec<_>>());
        }
        // A clock that is wrong once, and records that are no trades, each at the end of a partition.
        let wrong = wrong.map(|index| index.index(pauses.len()));
        if let Some(number) = wrong {
            append(&home, number, &[line(&("WRONG".to_owned(), T0 + 5 * DAY_MS))]);
        }
        for index in &junk {
            append(&home, index.index(pauses.len()), &["nonsense".to_owned()]);
        }
        let is_empty = candles.is_empty();
        if !is_empty {
            let counters = pace_and_work(&home);
            let trades: u64 = candles.values().sum();
            let far_ahead = u64::from(wrong.is_some());
            let expected = [trades, 0, far_ahead, junk.len() as u64, far_ahead + junk.len() as u64];
            let names = ["trades", "late", "rejected_too_far_ahead", "rejected_bad_json"];
            let [trades, late, ahead, bad] = names.map(|name| counters[name]);
            assert_eq!([trades, late, ahead, bad, rejected(&counters)], expected, "{counters:?}");
            let sql = "SELECT symbol, window_start, trades FROM candles_5s ORDER BY 1, 2";
            let row = |((symbol, window), trades): (&(String, u64), &u64)| {
                format!("Text({symbol:?})|Integer({window})|Integer({trades})")
            };
            let expected: Vec<_> = candles.iter().map(row).collect();
            assert_eq!(tables::rows(&tables::open(&home.path("rows.db")), sql), expected);
        }
        // More comes, at any time: what is late is counted as late or rejected, and nothing is lost.
        let mut records = candles.values().sum::<u64>() + u64::from(wrong.is_some()) + junk.len() as u64;
        for (number, pauses) in again.iter().enumerate().take(pauses.len()) {
            let trades = trades(number, pauses, T0 + starts_s[number] * 1_000 + 60_000);
            records += trades.len() as u64;
            append(&home, number, &trades.iter().map(line).collect::<Vec<_>>());
        }
        if !is_empty {
            let counters = pace_and_work(&home);
            assert_eq!(counters["trades"] + rejected(&counters), records, "{counters:?}");
        }
    }
}
