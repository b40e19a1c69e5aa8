//! Logs for property tests: bounded out-of-orderness with everything that goes wrong in it, as proptest strategies.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, FileFailurePersistence, RngAlgorithm, TestRng, TestRunner};

use super::{Log, Settings};

pub mod bad;
pub mod plan;

pub use plan::{BITS_PREFIX, Element, Plan, Step, Style, TradeStep};

/// A case: settings and the log's plan.
pub type Case = (Settings, Plan);

/// Short logs in which everything happens.
pub fn cases() -> impl Strategy<Value = Case> {
    (settings(), plans(prop::collection::vec(step(), 1..250)))
}

/// Logs of one or two symbols with more than 260 candles, so that the longest averages move. Few other things happen.
pub fn long_cases() -> impl Strategy<Value = Case> {
    (kind_settings(), plans(prop::collection::vec(long_step(), 1_700..1_900)))
}

/// Short logs with a progress log beside them, which may end before they do, or go back.
pub fn paced_cases() -> impl Strategy<Value = Case> {
    let binding = (0_usize..6, 0_u64..8, 0_i64..30_000, prop::bool::weighted(0.1));
    (cases(), prop::collection::vec(binding, 0..150)).prop_map(|((mut settings, plan), bindings)| {
        let mut reached = vec![(0, plan.start_ms - 20_000); plan.partitions];
        let bind = |(partition, records, ms, goes_back): (usize, u64, i64, bool)| {
            let partition = partition % plan.partitions;
            let (offset, event_ms) = &mut reached[partition];
            (*offset, *event_ms) = (*offset + records, *event_ms + ms);
            (partition as u32, offset.saturating_sub(if goes_back { 5 } else { 0 }), *event_ms)
        };
        settings.bindings = Some(bindings.into_iter().map(bind).collect());
        settings.max_out_of_orderness_ms = None;
        (settings, plan)
    })
}

/// A case of [`cases`] that is always the same for the same number: for tests over seeds without shrinking.
pub fn case(seed: u64) -> (Settings, Log) {
    nth(cases(), seed)
}

/// A case of [`long_cases`] that is always the same for the same number.
pub fn long_case(seed: u64) -> (Settings, Log) {
    nth(long_cases(), seed)
}

/// Configuration with this number of cases. Failures are recorded in the file `regressions` and tried first.
pub fn config(cases: u32, regressions: &'static str) -> Config {
    let persistence = FileFailurePersistence::Direct(regressions);
    Config { cases, failure_persistence: Some(Box::new(persistence)), ..Config::default() }
}

fn nth(strategy: impl Strategy<Value = Case>, seed: u64) -> (Settings, Log) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (settings, plan) = strategy.new_tree(&mut runner).unwrap().current();
    (settings, plan.log())
}

fn settings() -> impl Strategy<Value = Settings> {
    let step_ms = prop_oneof![6 => Just(1_000), 1 => Just(500), 1 => Just(5_000)];
    let allowed_lateness_ms = prop_oneof![5 => Just(20_000), 1 => Just(0), 1 => Just(7_300), 2 => Just(900_000)];
    let max_ahead_trade_ms = prop_oneof![1 => Just(15_000), 2 => Just(3_600_000)];
    let max_out_of_orderness =
        prop_oneof![3 => Just(None), 2 => prop::sample::select(vec![0, 1_500, 10_000]).prop_map(Some)];
    let max_ahead_ms = prop_oneof![1 => Just(10_000), 2 => Just(300_000)];
    let symbols_max = prop_oneof![3 => Just(100_000), 1 => 1_usize..4];
    let ahead = (max_ahead_ms, max_ahead_trade_ms);
    (step_ms, allowed_lateness_ms, ahead, max_out_of_orderness, any::<bool>(), symbols_max).prop_map(
        |(step, allowed_lateness, (max_ahead_ms, ahead), max_out_of_orderness, dedup, symbols_max)| Settings {
            max_ahead_ms,
            symbols_max,
            ..plan::settings(step, allowed_lateness, ahead, max_out_of_orderness, dedup)
        },
    )
}

/// Settings that reject little.
fn kind_settings() -> impl Strategy<Value = Settings> {
    settings().prop_map(|settings| Settings {
        allowed_lateness_ms: settings.allowed_lateness_ms.max(20_000),
        max_ahead_trade_ms: 3_600_000,
        symbols_max: 100_000,
        ..settings
    })
}

fn plans(steps: impl Strategy<Value = Vec<Step>>) -> impl Strategy<Value = Plan> {
    // Half a minute before a midnight, an ordinary afternoon, and the first times that are taken.
    let start_ms = prop::sample::select(vec![1_570_838_370_000, 1_575_526_691_134, 31_536_000_000]);
    // In some logs nothing follows the last steps, in the others progress in all partitions ends everything.
    (1_usize..=6, start_ms, any::<bool>(), any::<bool>(), any::<bool>(), steps).prop_map(
        |(partitions, start_ms, timestamps, gaps, ends, mut steps)| {
            if ends {
                steps.extend((0..4).map(|source| Step::Progress { partition: None, source, lag_ms: -60_000 }));
            }
            Plan { partitions, start_ms, timestamps, gaps, steps }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let partition = 0_usize..6;
    let source = 0_usize..4;
    let element = prop_oneof![5 => trade().prop_map(Element::Trade), 1 => bad::element().prop_map(Element::Text)];
    let frame = (partition.clone(), prop::collection::vec(element, 0..6)).prop_map(|(p, e)| Step::Frame(p, e));
    prop_oneof![
        30 => (partition.clone(), trade()).prop_map(|(p, t)| Step::Trade(p, t)),
        8 => frame,
        12 => wait().prop_map(Step::Wait),
        8 => (source.clone(), lag()).prop_map(|(source, lag_ms)| Step::Progress { partition: None, source, lag_ms }),
        8 => (partition.clone(), source.clone(), lag())
            .prop_map(|(p, source, lag_ms)| Step::Progress { partition: Some(p), source, lag_ms }),
        3 => (partition.clone(), source.clone()).prop_map(|(p, s)| Step::Bye(p, s)),
        1 => (partition.clone(), source).prop_map(|(p, s)| Step::Gap(p, s)),
        2 => partition.clone().prop_map(Step::Repeat),
        1 => partition.clone().prop_map(Step::Tombstone),
        6 => (partition.clone(), bad::record()).prop_map(|(p, bytes)| Step::Raw(p, bytes)),
        1 => (partition, bad::garbage_frame()).prop_map(|(p, bytes)| Step::Raw(p, bytes)),
    ]
}

fn long_step() -> impl Strategy<Value = Step> {
    let partition = 0_usize..6;
    let one_of_two = trade().prop_map(|trade| TradeStep {
        symbol: usize::from(trade.symbol == 1),
        // A trade from far ahead would end the log in out-of-orderness mode.
        age_ms: trade.age_ms.clamp(-3_000, 60_000),
        ..trade
    });
    prop_oneof![
        14 => (partition, one_of_two).prop_map(|(p, t)| Step::Trade(p, t)),
        8 => (3_000_i64..9_000).prop_map(Step::Wait),
        2 => lag().prop_map(|lag_ms| Step::Progress { partition: None, source: 0, lag_ms }),
    ]
}

fn wait() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 0_i64..3_000, 3 => Just(1_000_i64), 2 => 3_000_i64..20_000, 1 => 20_000_i64..400_000]
}

/// Lag of a progress record: some lag much, some are ahead of their trades.
fn lag() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 0_i64..2_000, 2 => 2_000_i64..30_000, 1 => -3_000_i64..0, 1 => Just(100_000_i64)]
}

fn trade() -> impl Strategy<Value = TradeStep> {
    // Most symbols trade seldom, the first often.
    let symbol = prop_oneof![3 => Just(0_usize), 3 => 0_usize..6];
    (symbol, age(), price(), volume(), conditions(), style(), id()).prop_map(
        |(symbol, age_ms, price, volume, conditions, style, id)| TradeStep {
            symbol,
            age_ms,
            price,
            volume,
            conditions,
            style,
            id,
        },
    )
}

fn age() -> impl Strategy<Value = i64> {
    prop_oneof![
        30 => 0_i64..1_500,
        10 => Just(0_i64),
        10 => 1_500_i64..20_000,
        6 => 20_000_i64..60_000,
        3 => -20_000_i64..0,
        1 => prop::sample::select(vec![-3_700_000_i64, -86_400_000, 1_000_000, 86_400_000]),
        // Clocks that are ahead, by less than is rejected.
        3 => prop::sample::select(vec![-1_800_000_i64, -300_000, -61_000, -90_000]),
    ]
}

fn price() -> impl Strategy<Value = String> {
    let odd = ["1.267e-05", "1E3", "0.30000000000000004", "100.123456789050", "99.99999999995", "99.99999999985"];
    let ends =
        ["1000000000000", "1e-18", "-1e12", "1.0000000000e+02", "1000000000000.0000000000000000001", "0", "-0.0"];
    prop_oneof![
        20 => (9_000_u32..11_000).prop_map(|cents| format!("{}.{:02}", cents / 100, cents % 100)),
        4 => (90_u32..110).prop_map(|whole| whole.to_string()),
        2 => (1_u64..1_000_000_000_000_000).prop_map(|n| format!("0.{n:015}")),
        1 => (1_u64..1_000_000_000).prop_map(|n| format!("0.{n:021}")),
        1 => (0_u32..5_000).prop_map(|cents| format!("-{}.{:02}", cents / 100, cents % 100)),
        2 => prop::sample::select(odd.to_vec()).prop_map(str::to_string),
        1 => prop::sample::select(ends.to_vec()).prop_map(str::to_string),
    ]
}

fn volume() -> impl Strategy<Value = String> {
    let odd = ["0.011467", "1e-10", "1.5E2", "25.00000000", "0.123456789012345", "1002518", "1000"];
    prop_oneof![
        12 => (1_u32..500).prop_map(|n| n.to_string()),
        5 => prop::sample::select(vec!["0", "0.0", "-0", "0e5", "0.00000000000"]).prop_map(str::to_string),
        4 => prop::sample::select(odd.to_vec()).prop_map(str::to_string),
    ]
}

fn conditions() -> impl Strategy<Value = Option<String>> {
    let texts = [
        r#"["1"]"#,
        r#"["1","12"]"#,
        r#"["3"]"#,
        r#"["12"]"#,
        r#"["16"]"#,
        r#"["9"]"#,
        r#"["20"]"#,
        r#"["20","12"]"#,
        r#"["21","20"]"#,
        r#"["41"]"#,
        r#"["012"," 12","EX=P"]"#,
        r#"["\u0031\u0032"]"#,
        r#"[ "37" , "18" ]"#,
        r#"["20"]"#,
        r#"["20000020","EX=P"]"#,
        r#"["20002020"]"#,
        r#"["1000000"]"#,
        r#"["4000200"]"#,
        r#"["zz"]"#,
    ];
    prop_oneof![
        2 => Just(None),
        6 => Just(Some("null".to_string())),
        1 => Just(Some("[]".to_string())),
        6 => prop::sample::select(texts.to_vec()).prop_map(|text| Some(text.to_string())),
    ]
}

fn style() -> impl Strategy<Value = Style> {
    prop_oneof![
        8 => Just(Style::Plain),
        1 => Just(Style::Spaced),
        1 => Just(Style::Unknown),
        1 => Just(Style::Twice),
        1 => Just(Style::Escaped),
    ]
}

/// Few ids, so that many trades share one; some that are none.
fn id() -> impl Strategy<Value = String> {
    let texts = ["\"52983527388730\"", "\"x\\u0031\"", "\"x1\"", "\"\u{e4}\"", "-5", "12345678901234567890123"];
    let none = [
        "\"id\":\"\",".to_owned(),
        "\"id\":1.0,\"i\":\"1\",".to_owned(),
        format!("\"id\":\"{}\",", "x".repeat(65)),
        "\"i\":[1],".to_owned(),
    ];
    prop_oneof![
        4 => Just(String::new()),
        4 => (0_u32..20).prop_map(|n| format!("\"id\":{n},")),
        2 => (0_u32..20).prop_map(|n| format!("\"id\":\"{n}\",")),
        1 => (0_u32..20).prop_map(|n| format!("\"i\":\"{n}\",")),
        1 => (0_u32..20).prop_map(|n| format!("\"i\":\"7\",\"id\":{n},")),
        1 => prop::sample::select(texts.to_vec()).prop_map(|text| format!("\"id\":{text},")),
        1 => prop::sample::select(none.to_vec()),
    ]
}
