//! Candles of real trades against the bars that other programs made of them. Every difference has its reason here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub mod bars;
mod folder;
pub mod pipeline;
pub mod scan;

use folder::{Bar, BarMap, Candles, collect, folder};
use pipeline::Pipeline;
use scan::{Rule, Trade};

fn prices(bar: &Bar) -> [f64; 4] {
    [bar.open, bar.high, bar.low, bar.close]
}

/// Bars by freqtrade of one pair: equal in every bar, and there is no other.
fn check_freqtrade(folder: &Path, candles: &Candles<'_>) {
    let name = "freqtrade_binance_xrpeth_201910";
    for (seconds, count) in [(60, 2_469), (300, 706)] {
        let theirs = bars::read(folder, name, seconds);
        let ours = collect(&["BINANCE:XRPETH".to_string()], seconds, candles);
        assert_eq!((theirs.len(), ours.len()), (count, count));
        for (key, bar) in &ours {
            assert_eq!((prices(bar), bar.volume), (prices(&theirs[key]), theirs[key].volume), "{key:?}");
        }
    }
}

/// Bars by LEAN of gold futures: the same bars, with equal prices. 101 of them hold price updates alone.
/// - In 20 the volume differs by exactly the last trade of a contract's day, which the file of trades has twice.
fn check_comex(folder: &Path, trades: &[Trade], candles: &Candles<'_>) {
    let theirs = bars::read(folder, "lean_comex_gc_201310", 60);
    let ours = collect(&scan::symbols(trades), 60, candles);
    assert!(ours.keys().all(|key| theirs.contains_key(key)), "no candle that they have not");
    let of_symbol = |symbol: String| (symbol.clone(), scan::windows(trades, &symbol, 60));
    let windows: BTreeMap<_, _> = scan::symbols(trades).into_iter().map(of_symbol).collect();
    let (mut updates, mut twice) = (0, 0);
    for (key, bar) in &theirs {
        let window = &windows[&key.0][&key.1];
        let our = ours.get(key).unwrap_or_else(|| panic!("{key:?} is missing"));
        assert_eq!(prices(our), prices(bar), "{key:?}");
        updates += u64::from(our.trades == 0);
        if our.volume != bar.volume {
            let [.., before, last] = window.as_slice() else { panic!("{key:?}: one trade") };
            let equal = |t: &Trade| (t.event_ms, t.price, t.volume);
            assert_eq!(equal(before), equal(last), "{key:?}");
            assert_eq!(our.volume - scan::double(last.volume, 10), bar.volume, "{key:?}");
            twice += 1;
        }
    }
    assert_eq!((theirs.len(), updates, twice), (4_681, 101, 20));
}

/// Minutes of a day (UTC) at the edges of the regular session, 13:30 to 20:00. There LEAN moves prints between minutes:
/// the opening print (bit 0x40) and extended-hours trades reported after the opening are left out of the first
/// minutes, and the closing auction's print (bit 0x80), which comes after 20:00, goes into the minute before.
const EDGES: [u64; 5] = [13 * 60 + 30, 13 * 60 + 31, 19 * 60 + 59, 20 * 60, 20 * 60 + 1];

/// Remaining bars, by day, symbol and minute (UTC).
const SINGLE: [(&str, &str, u64, &str); 4] = [
    ("20131007", "US:AIG", 17 * 60 + 46, "theirs has the volume of the next minute, in which no trade sets a price"),
    ("20131007", "US:AIG", 17 * 60 + 47, "only sweeps: theirs has no bar, ours takes prices from all"),
    ("20131008", "US:AIG", 20 * 60 + 13, "theirs opens with a trade of a bit that sets no price elsewhere"),
    ("20131008", "US:SPY", 19 * 60 + 3, "theirs has its high from a block of a bit that sets no price elsewhere"),
];

/// Bars by LEAN of four stocks: equal but for the edges of the session and four single minutes.
fn check_equity(folder: &Path, day: &str, candles: &Candles<'_>) {
    let theirs = bars::read(folder, &format!("lean_us_equity_{day}"), 60);
    let symbols: Vec<String> = ["US:AIG", "US:BAC", "US:IBM", "US:SPY"].map(String::from).to_vec();
    let ours = collect(&symbols, 60, candles);
    let same = |a: &BarMap, b: &BarMap, key| match (a.get(key), b.get(key)) {
        (Some(a), Some(b)) => prices(a) == prices(b) && a.volume == b.volume,
        _ => false,
    };
    let keys: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    let minute = |start_ms: u64| start_ms / 60_000 % 1_440;
    let mut single = BTreeSet::new();
    for key in keys.into_iter().filter(|key| !same(&theirs, &ours, key)) {
        if !EDGES.contains(&minute(key.1)) {
            single.insert((key.0.as_str(), minute(key.1)));
        }
    }
    let expected = SINGLE.iter().filter(|(of, ..)| *of == day).map(|(_, symbol, minute, _)| (*symbol, *minute));
    assert_eq!(single, expected.collect());
    assert!(ours.len() >= theirs.len() && theirs.len() > 2_200);
}

#[test]
fn a_plain_scan_agrees_with_freqtrade() {
    let Some(folder) = folder() else { return };
    let trades = scan::trades(&folder, "freqtrade_binance_xrpeth_201910", Rule::None);
    check_freqtrade(&folder, &|symbol, seconds| scan::candles(&trades, symbol, seconds));
}

#[test]
fn a_plain_scan_agrees_with_lean_on_gold() {
    let Some(folder) = folder() else { return };
    let trades = scan::trades(&folder, "lean_comex_gc_201310", Rule::None);
    check_comex(&folder, &trades, &|symbol, seconds| scan::candles(&trades, symbol, seconds));
}

#[test]
fn a_plain_scan_agrees_with_lean_on_stocks() {
    let Some(folder) = folder() else { return };
    for day in ["20131007", "20131008"] {
        let trades = scan::trades(&folder, &format!("lean_us_equity_{day}"), Rule::Lean);
        check_equity(&folder, day, &|symbol, seconds| scan::candles(&trades, symbol, seconds));
    }
}

const LEAN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/real_data/lean.toml");

/// Works through a file: nothing is late or refused, every candle is that of the plain scan, and the number of workers
/// changes no digest.
fn check_pipeline(folder: &Path, name: &str, rule: Rule) -> (Pipeline, Vec<Trade>) {
    let settings: &[&str] = if matches!(rule, Rule::Lean) { &["--conditions", LEAN] } else { &[] };
    let pipeline = Pipeline::new(folder, name, settings);
    let trades = scan::trades(folder, name, rule);
    assert_eq!(pipeline.counter("trades"), trades.len() as u64, "{name}");
    assert_eq!((pipeline.counter("late"), pipeline.refused()), (0, 0), "{name}: import reports exact progress");
    for symbol in scan::symbols(&trades) {
        for seconds in [5, 60, 300, 3_600, 86_400] {
            let (ours, theirs) = (pipeline.candles(&symbol, seconds), scan::candles(&trades, &symbol, seconds));
            let differs = ours.iter().zip(&theirs).find(|(a, b)| a != b);
            assert!(ours.len() == theirs.len() && differs.is_none(), "{name} {symbol} {seconds} s: {differs:?}");
        }
    }
    let replay = |workers| pipeline.with_settings(&["replay", "--log", "dir:log", "--workers", workers]);
    let one = replay("1");
    assert!(!one.is_empty());
    assert_eq!((&one, &one), (&replay("2"), &replay("4")), "{name}");
    (pipeline, trades)
}

#[test]
fn the_pipeline_agrees_with_freqtrade() {
    let Some(folder) = folder() else { return };
    let (pipeline, _) = check_pipeline(&folder, "freqtrade_binance_xrpeth_201910", Rule::None);
    check_freqtrade(&folder, &|symbol, seconds| pipeline.candles(symbol, seconds));
}

#[test]
fn the_pipeline_agrees_with_lean_on_gold() {
    let Some(folder) = folder() else { return };
    let (pipeline, trades) = check_pipeline(&folder, "lean_comex_gc_201310", Rule::None);
    check_comex(&folder, &trades, &|symbol, seconds| pipeline.candles(symbol, seconds));
}

#[test]
fn the_pipeline_agrees_with_lean_on_stocks() {
    let Some(folder) = folder() else { return };
    for day in ["20131007", "20131008"] {
        let (pipeline, _) = check_pipeline(&folder, &format!("lean_us_equity_{day}"), Rule::Lean);
        check_equity(&folder, day, &|symbol, seconds| pipeline.candles(symbol, seconds));
    }
}

#[test]
fn the_pipeline_agrees_with_a_plain_scan_of_the_other_files() {
    let Some(folder) = folder() else { return };
    for name in ["r_highfrequency_tdataraw_2018", "kraken_upstox_20181001", "cryptofeed_multi_venue"] {
        check_pipeline(&folder, name, Rule::None);
    }
}
