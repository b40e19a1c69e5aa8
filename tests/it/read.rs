//! The commands that read a store, on a small store.

use std::path::{Path, PathBuf};

use dataflows::output::counters::{COUNTERS, Counter};
use dataflows::output::digest::Digest;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::output::row::{CandleRow, IndicatorRow, IndicatorValues};
use dataflows::output::to_f64::INDICATOR_COLUMNS;
use dataflows::progress::time::Resolution;
use dataflows::symbols::symbol::Symbol;
use ethnum::I256;
use serde_json::Value;
use tickline::command::{candles, import, indicators, status};
use tickline::exit_code;
use tickline::store::address::StoreAddress;
use tickline::store::sqlite::SqliteStore;
use tickline::store::{DurableFrontier, RowBatch, Store};

const T0: u64 = 1_381_152_600_000;
const PRICE: i128 = 1_000_000_000_000_000_000;
const ONE: i128 = 10_000_000_000;
const NOTIONAL: i128 = ONE * PRICE;

/// A store with a few windows of two symbols.
fn store() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("store.db");
    let row = |symbol: &str, resolution, n: u64| CandleRow {
        symbol: Symbol::new(symbol).unwrap(),
        resolution,
        window_start_ms: Resolution::window_start_ms(resolution, T0) + n * resolution.length_ms(),
        open: PRICE / 10,
        high: 123_456_789_012_345 * PRICE,
        low: 100_000_000,
        close: PRICE / 3,
        volume: 3 * ONE,
        notional: I256::from(10 * NOTIONAL),
        trades: n + 1,
        as_of: T0 + 1_000,
    };
    let mut candles: Vec<_> = (0..5).map(|n| row("US:IBM", Resolution::M1, n)).collect();
    candles.push(row("US:IBM", Resolution::D1, 0));
    candles.push(row("A,\"B\"", Resolution::M1, 0));
    candles.push(row("A,\"B\"", Resolution::D1, 0));
    let values = IndicatorValues {
        candles: 1,
        close_sums: [PRICE / 10; 3],
        volume_60: ONE,
        notional_60: I256::from(NOTIONAL),
        cumulative_trades: 9,
        ..IndicatorValues::default()
    };
    let symbol = Symbol::new("US:IBM").unwrap();
    let indicators = vec![IndicatorRow { symbol, window_start_ms: T0, values, as_of: T0 }];
    let mut store = SqliteStore::open(&path).unwrap();
    store.write(&RowBatch { candles, indicators, ..RowBatch::default() }).unwrap();
    (home, path)
}

#[derive(clap::Parser)]
struct Line<A: clap::Args> {
    #[command(flatten)]
    args: A,
}

/// Parses arguments.
fn parse<A: clap::Args>(path: &Path, line: &str) -> Result<A, clap::Error> {
    let store = format!("--store sqlite:{}", path.display());
    let words = ["tickline"].into_iter().chain(store.split(' ').chain(line.split_whitespace()));
    <Line<A> as clap::Parser>::try_parse_from(words.collect::<Vec<_>>()).map(|line| line.args)
}

fn candles(path: &Path, line: &str) -> anyhow::Result<String> {
    candles::text(&parse(path, line)?)
}

#[test]
fn csv_is_exact() {
    let (_home, path) = store();
    let text = candles(&path, "--symbol US:IBM --resolution 1m --format csv --limit 2").unwrap();
    assert_eq!(
        text,
        "symbol,window_start_ms,open,high,low,close,volume,notional,vwap,trades,as_of_ms,complete\n\
         US:IBM,1381152780000,0.1,123456789012345,0.0000000001,0.3333333333333333,3,10,3.3333333333333335,\
         4,1381152601000,false\n\
         US:IBM,1381152840000,0.1,123456789012345,0.0000000001,0.3333333333333333,3,10,3.3333333333333335,\
         5,1381152601000,false\n"
    );
}

#[test]
fn rows_say_whether_they_are_complete() {
    let (_home, path) = store();
    let complete = |line: &str, is_candle: bool| -> Vec<[String; 3]> {
        let text = |format: &str| {
            let line = format!("--symbol US:IBM --format {format} {line}");
            if is_candle { candles(&path, &line) } else { indicators::text(&parse(&path, &line).unwrap()) }.unwrap()
        };
        let last = |line: &str, at: char| line.trim_end().rsplit(at).next().unwrap().to_owned();
        let (csv, table) = (text("csv"), text("table"));
        let json: Vec<Value> = serde_json::from_str(&text("json")).unwrap();
        let rows = csv.lines().zip(table.lines()).skip(1).zip(json);
        rows.map(|((csv, table), json)| [last(csv, ','), last(table, ' '), json["complete"].to_string()]).collect()
    };
    let publish = |frontier: u64| {
        let mut store = SqliteStore::open(&path).unwrap();
        let (epoch, _) = store.open_epoch().unwrap();
        let row = FrontierRow { frontier, digest: Digest(1), rows: 5, counters: vec![0; COUNTERS] };
        store.commit_frontier(&DurableFrontier { row, epoch, resume: "[]".to_owned() }, &[]).unwrap();
    };
    let flags = |flags: &[bool]| flags.iter().map(|flag| [(); 3].map(|()| flag.to_string())).collect::<Vec<_>>();
    // The windows start at T0 and each minute after it; the day starts before T0.
    assert_eq!(complete("--resolution 1m", true), flags(&[false; 5]), "there is no frontier yet");
    publish(T0 + 4_999);
    assert_eq!(complete("", false), flags(&[false]));
    publish(T0 + 5_000);
    assert_eq!(complete("", false), flags(&[true]));
    publish(T0 + 119_999);
    assert_eq!(complete("--resolution 1m", true), flags(&[true, false, false, false, false]));
    publish(T0 + 120_000);
    assert_eq!(complete("--resolution 1m", true), flags(&[true, true, false, false, false]));
    assert_eq!(complete("--resolution 1d", true), flags(&[false]));
    publish(T0 - T0 % 86_400_000 + 86_400_000);
    assert_eq!(complete("--resolution 1d", true), flags(&[true]));
}

#[test]
fn symbols_with_commas_are_quoted() {
    let (_home, path) = store();
    let mut args: candles::Args = parse(&path, "--symbol x --resolution 1m --format csv").unwrap();
    args.read.symbol = "A,\"B\"".to_string();
    assert!(candles::text(&args).unwrap().contains("\n\"A,\"\"B\"\"\",1381152600000,0.1,"));
}

#[test]
fn both_time_formats_are_parsed() {
    let (_home, path) = store();
    let starts = |range: &str| -> Vec<u64> {
        let text = candles(&path, &format!("--symbol US:IBM --resolution 1m --format json {range}")).unwrap();
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        rows.iter().map(|row| (row["window_start_ms"].as_u64().unwrap() - T0) / 60_000).collect()
    };
    assert_eq!(starts(""), [0, 1, 2, 3, 4]);
    assert_eq!(starts("--from 2013-10-07T13:31:00Z --to 1381152780000"), [1, 2]);
    assert_eq!(starts("--from 2013-10-07T15:33:00+02:00"), [3, 4]);
    assert_eq!(starts("--to 2013-10-07T13:30:00Z"), Vec::<u64>::new());
}

#[test]
fn tables_and_charts_are_printed() {
    let (_home, path) = store();
    let table = candles(&path, "--symbol US:IBM --resolution 1m").unwrap();
    assert_eq!(table.lines().count(), 6);
    assert!(table.lines().nth(1).unwrap().starts_with("2013-10-07T13:30:00Z"), "{table}");
    let chart = candles(&path, "--symbol US:IBM --resolution 1m --format chart").unwrap();
    assert!(chart.contains('░') && chart.lines().all(|line| line.chars().count() <= 80), "{chart}");
}

#[test]
fn an_unknown_symbol_gets_suggestions() {
    let (_home, path) = store();
    let error = candles(&path, "--symbol IBM --resolution 1m").unwrap_err();
    assert!(error.to_string().contains("did you mean US:IBM?"), "{error}");
    assert_eq!(exit_code::of(&error), 2);
    let error = candles(&path.with_extension("none"), "--symbol IBM --resolution 1m").unwrap_err();
    assert_eq!(exit_code::of(&error), 2);
    assert!(parse::<candles::Args>(&path, "--symbol IBM --resolution 2m").is_err());
    assert_eq!(candles(&path, "--symbol US:IBM --resolution 5m --format json").unwrap(), "[]\n");
}

#[test]
fn indicators_have_all_their_columns() {
    let (_home, path) = store();
    let text = |format: &str| indicators::text(&parse(&path, &format!("--symbol US:IBM --format {format}"))?);
    let csv = text("csv").unwrap();
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let indicators = INDICATOR_COLUMNS.len();
    assert_eq!((lines.len(), lines[0].len(), lines[1].len()), (2, indicators + 6, indicators + 6));
    assert_eq!(lines[1][lines[0].iter().position(|name| *name == "sma_240").unwrap()], "0.1");
    assert_eq!(
        lines[1][indicators + 2..],
        ["9", "1", "1381152600000", "false"],
        "cumulative_trades, candles, as_of, complete"
    );
    let json: Value = serde_json::from_str(&text("json").unwrap()).unwrap();
    assert_eq!((json[0]["sma_12"].as_f64(), json[0]["rsi_14"].as_f64()), (Some(0.1), Some(50.0)));
    assert!(text("table").unwrap().contains("bollinger_upper"));
    assert_eq!(exit_code::of(&text("chart").unwrap_err()), 2);
}

#[test]
fn status_shows_unread_records_per_partition() {
    let (home, path) = store();
    let log = home.path().join("log");
    let file = home.path().join("trades");
    std::fs::write(&file, format!(r#"{{"c":null,"p":1,"s":"A","t":{T0},"v":1}}"#)).unwrap();
    let imported = import::Args {
        files: vec![file],
        log: format!("dir:{}", log.display()).parse().unwrap(),
        partitions: Some(2),
        source: "import".to_string(),
        format: import::FormatArgs::default(),
        dry_run: false,
        again: false,
        as_live: false,
        from_log: None,
    };
    import::run(&imported).unwrap();
    let text = |line: &str| {
        let (text, failure) = status::text(&parse(&path, line).unwrap()).unwrap();
        assert!(failure.is_none(), "{failure:?}");
        text
    };
    assert!(text("").contains("nothing complete yet"));
    let json: Value = serde_json::from_str(&text("--format json")).unwrap();
    assert_eq!(json["frontier"], Value::Null);

    let mut row = FrontierRow { frontier: T0 + 1_000, digest: Digest(0xab), rows: 5, counters: vec![0; COUNTERS] };
    row.counters[Counter::Trades.index()] = 77;
    row.counters[Counter::Gaps.index()] = 2;
    let resume = r#"[{"partition":0,"offset":2,"frontier":null},
        {"partition":1,"offset":1,"frontier":1381152600000,"sources":{"x":1}}]"#;
    let mut store =
        path.to_str().map(|p| format!("sqlite:{p}").parse::<StoreAddress>()).unwrap().unwrap().open_writer().unwrap();
    let (epoch, _) = store.open_epoch().unwrap();
    store.commit_frontier(&DurableFrontier { row, epoch, resume: resume.to_string() }, &[]).unwrap();
    let line = format!("--log dir:{}", log.display());
    let table = text(&line);
    for part in ["2013-10-07T13:30:01Z", &format!("{:032x}", 0xab), "gaps             2", "trades"] {
        assert!(table.contains(part), "{part} in\n{table}");
    }
    let json: Value = serde_json::from_str(&text(&format!("{line} --format json"))).unwrap();
    assert_eq!((&json["rows"], &json["epoch"], &json["counters"]["trades"]), (&5.into(), &1.into(), &77.into()));
    // Both partitions hold two import records, progress at the start and at the end, and the bye; one of them the trade
    // as well.
    let ends: Vec<u64> =
        json["partitions"].as_array().unwrap().iter().map(|p| p["end_offset"].as_u64().unwrap()).collect();
    assert!(ends == [5, 6] || ends == [6, 5], "{ends:?}");
    for (n, resume) in [(0, 2), (1, 1)] {
        // Without published read positions, nothing after the resume point is known to be read.
        assert_eq!(json["partitions"][n]["unread_records"].as_u64(), Some(ends[n] - resume));
        assert_eq!(json["partitions"][n]["waiting_records"].as_u64(), Some(0));
    }
}
