//! The cases folder: files as people have them, from public bug reports. It is beside the repository, or where
//! TICKLINE_CASES says; without it these tests say so and do nothing.

use std::io::Write;
use std::path::PathBuf;

use crate::shared::process::Home;

/// The files of a case.
fn case(name: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/cases"));
    let path = std::env::var_os("TICKLINE_CASES").map_or_else(beside, PathBuf::from).join(name);
    if path.is_dir() {
        return Some(path);
    }
    // Written past the harness, which keeps what a passing test prints.
    let notice = format!("THE CASE {name} WAS NOT RUN: {} does not exist (set TICKLINE_CASES)\n", path.display());
    std::io::stderr().write_all(notice.as_bytes()).unwrap();
    None
}

/// Compares what a case makes with what its README expects, and prints both for `scripts/cases`.
pub fn compared(name: &str, expected: &str, seen: &str) {
    println!("\ncase {name}: expected {expected}; seen {seen}");
    assert_eq!(seen, expected, "{name}");
}

/// The case's files with an extension, as arguments.
fn files(case: &std::path::Path, extension: &str) -> Vec<String> {
    let entries = std::fs::read_dir(case).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    paths.sort();
    paths.iter().map(|path| path.display().to_string()).collect()
}

/// Symbol, start of the window, open, high, low, close, volume and trades of all candles.
fn candles(home: &Home, symbols: &[&str], resolution: &str) -> Vec<Vec<String>> {
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    let of = |symbol: &&str| {
        let csv = home
            .ok(&format!("candles --store sqlite:rows.db --symbol {symbol} --resolution {resolution} --format csv"));
        let pick = |line: &str| {
            let cells: Vec<_> = line.split(',').collect();
            [0, 1, 2, 3, 4, 5, 6, 9].map(|at| cells[at].to_owned()).to_vec()
        };
        csv.lines().skip(1).map(pick).collect::<Vec<_>>()
    };
    symbols.iter().flat_map(of).collect()
}

fn assert_nothing_rejected(home: &Home) {
    let ended = home.run("rejected list --store sqlite:rows.db");
    ended.is(0, &["no matching rejected records"]);
}

#[test]
fn files_per_symbol_are_merged() {
    let Some(case) = case("01-file-per-symbol") else { return };
    let (home, files) = (Home::new(), files(&case, "jsonl"));
    assert_eq!(files.len(), 6);
    home.ok(&format!("import {} --log dir:log", files.join(" ")));
    let count = |symbol: &str| candles(&home, &[symbol], "1m").len().to_string();
    let counts = ["AAPL", "MSFT", "IBM", "NVDA", "BRK.B", "TSLA"].map(count);
    compared("01-file-per-symbol", "79 79 79 79 79 79 candles", &format!("{} candles", counts.join(" ")));
    assert_nothing_rejected(&home);
    // One after the other they are rejected at once, before a trade is lost.
    let home = Home::new();
    home.ok(&format!("import {} --log dir:log", files[0]));
    home.fails(&format!("import {} --log dir:log", files[1]), 2, &["older than the frontier", "--from-log dir:log"]);
    home.ok(&format!("import {} --from-log dir:log --log dir:both", files[1..].join(" ")));
    home.ok("work --log dir:both --store sqlite:rows.db --until-end");
    assert_nothing_rejected(&home);
    let status = home.ok("status --store sqlite:rows.db --format json");
    assert!(status.replace(' ', "").contains("\"trades\":474"), "{status}");
}

#[test]
fn newest_first_is_sorted() {
    let Some(case) = case("03-newest-first") else { return };
    let home = Home::new();
    home.ok(&format!("import {} --log dir:log", case.join("t.jsonl").display()));
    let hours = candles(&home, &["COINBASE:ETH-USD"], "1h");
    let trades: Vec<_> = hours.iter().map(|row| row[7].as_str()).collect();
    compared("03-newest-first", "30 60 60 60 30 trades", &format!("{} trades", trades.join(" ")));
    assert_nothing_rejected(&home);
}

#[test]
fn twenty_trades_in_every_wrapping() {
    let Some(case) = case("04-other-files") else { return };
    let kraken = "KRAKEN:XDGUSD";
    let csv = format!("--symbol {kraken}");
    let plain = ["good", "array", "pretty", "blank", "bom", "crlf", "cut", "float_t", "iso_t", "java_t", "noeol"];
    let mut imports: Vec<(String, &str)> = Vec::new();
    for file in files(&case, "jsonl").into_iter().chain(files(&case, "json")) {
        let stem = file.rsplit('/').next().unwrap().split('.').next().unwrap();
        if plain.contains(&stem) || ["str_c", "strings", "utf16"].contains(&stem) {
            imports.push((file, ""));
        }
    }
    assert_eq!(imports.len(), plain.len() + 3);
    for (name, options) in [
        ("micro.jsonl", "--time-unit us"),
        ("nano.jsonl", "--time-unit ns"),
        ("seconds.jsonl", "--time-unit s"),
        ("t.jsonl.bz2", ""),
        ("t.zip", csv.as_str()),
        ("trades.csv", csv.as_str()),
        ("trades.csv", "--from binance-trades --symbol KRAKEN:XDGUSD"),
        ("int_c.jsonl", ""),
    ] {
        imports.push((case.join(name).display().to_string(), options));
    }
    let total = imports.len();
    for (file, options) in imports {
        let home = Home::new();
        let ended = home.run(&format!("import {file} {options} --log dir:log --partitions 1"));
        ended.is(0, &["20 trades"]);
        let symbol = if file.ends_with("int_c.jsonl") { "PAYC" } else { kraken };
        let start = "1717372800000";
        let expected = [symbol, start, "0.1234", "0.1253", "0.1234", "0.1253", "290", "20"].map(String::from);
        assert_eq!(candles(&home, &[symbol], "1d"), [expected], "{file}");
    }
    compared("04-other-files", "22 files of 20 trades", &format!("{total} files of 20 trades"));
}

#[test]
fn what_is_not_understood_says_why() {
    let Some(case) = case("04-other-files") else { return };
    let home = Home::new();
    for (name, code, words) in [
        ("micro.jsonl", 2, ["line 1: t looks like microseconds; use --time-unit us", "\\\"p\\\":0.1234"]),
        ("nano.jsonl", 2, ["line 1: t looks like nanoseconds; use --time-unit ns", "1717421400000000000"]),
        ("seconds.jsonl", 2, ["line 1: t looks like seconds; use --time-unit s", "1717421400"]),
        ("trades.csv", 2, ["line 2: there is no symbol; use --symbol S", "0,0.1234,5.0"]),
        ("torn.jsonl.gz", 1, ["torn.jsonl.gz", "nothing was written"]),
    ] {
        home.fails(&format!("import {} --log dir:log", case.join(name).display()), code, &words);
        assert!(!home.path("log").exists(), "{name}");
    }
    home.run(&format!("import {} --log dir:log", case.join("empty.jsonl").display())).is(0, &["no trades"]);
}

#[test]
fn ids_are_passed_through() {
    let Some(case) = case("08-duplicates") else { return };
    let home = Home::new();
    let file = case.join("t.jsonl");
    home.ok(&format!("import {} --log dir:log --partitions 1", file.display()));
    let log = std::fs::read_to_string(home.path("log/partition-00000.jsonl")).unwrap();
    let mut trades: Vec<_> = log.lines().filter(|line| !line.contains("\"type\"")).collect();
    let given = std::fs::read_to_string(file).unwrap();
    let mut given: Vec<_> = given.lines().collect();
    trades.sort_unstable();
    given.sort_unstable();
    assert_eq!(trades, given);
}

#[test]
fn duplicates_by_id_are_left_out() {
    let Some(case) = case("08-duplicates") else { return };
    let home = Home::new();
    home.ok(&format!("import {} --log dir:log", case.join("t.jsonl").display()));
    let day = |flag: &str, store: &str| {
        home.ok(&format!("work --log dir:log --store sqlite:{store} --until-end {flag}"));
        let csv = home.ok(&format!("candles --store sqlite:{store} --symbol PAYC --resolution 1d --format csv"));
        let cells: Vec<&str> = csv.lines().nth(1).unwrap().split(',').collect();
        (cells[6].to_owned(), cells[9].to_owned())
    };
    let (volume, trades) = day("--dedup", "with.db");
    compared("08-duplicates", "5 trades, volume 55", &format!("{trades} trades, volume {volume}"));
    assert_eq!(day("", "without.db"), ("88".to_owned(), "8".to_owned()));
    let status = home.ok("status --store sqlite:with.db --format json").replace(' ', "");
    assert!(status.contains("\"duplicates\":3") && status.contains("\"trades\":5"), "{status}");
    home.ok("verify --log dir:log --store sqlite:with.db --dedup --workers 3");
    home.fails("verify --log dir:log --store sqlite:with.db", 2, &["settings"]);
}

#[test]
fn a_day_is_imported_once() {
    let Some(case) = case("13-import-twice") else { return };
    let home = Home::new();
    let day = |n: u32| format!("import {} --log dir:log", case.join(format!("day{n}.jsonl")).display());
    home.ok(&day(1));
    home.fails(&day(1), 2, &["already holds this content", "--again"]);
    home.ok(&day(2));
    let rows = candles(&home, &["COINBASE:ETH-USD"], "5m");
    let of_five = rows.iter().filter(|row| row[7] == "5").count();
    let seen = format!("exit 2 the second time, {of_five} of {} candles with 5 trades", rows.len());
    compared("13-import-twice", "exit 2 the second time, 24 of 24 candles with 5 trades", &seen);
    assert_nothing_rejected(&home);
}

/// The candles of a case's only file.
fn candles_of(name: &str, symbols: &[&str], resolution: &str) -> Option<Vec<Vec<String>>> {
    let case = case(name)?;
    let home = Home::new();
    let file = ["t.jsonl", "frames.jsonl"].map(|file| case.join(file)).into_iter().find(|file| file.exists()).unwrap();
    home.ok(&format!("import {} --log dir:log", file.display()));
    Some(candles(&home, symbols, resolution))
}

#[test]
fn tiny_prices_keep_their_digits() {
    let Some(rows) = candles_of("05-tiny-prices", &["KUCOIN:BABYDOGE-USDT", "DEX:WETH-TOKEN"], "1m") else { return };
    let numbers = |at: usize| rows[at][2..6].iter().map(|text| text.parse::<f64>().unwrap()).collect::<Vec<_>>();
    assert_eq!(numbers(0), [1.2345e-9, 1.2378e-9, 1.2309e-9, 1.2309e-9]);
    assert_eq!(numbers(1), [3.21e-12, 6.1e-11, 3.21e-12, 6.1e-11]);
    compared("05-tiny-prices", "open 0.0000000012345", &format!("open {}", rows[0][2]));
}

#[test]
fn tiny_prices_are_shown_to_people_too() {
    let Some(case) = case("05-tiny-prices") else { return };
    let home = Home::new();
    home.ok(&format!("import {} --log dir:log", case.join("t.jsonl").display()));
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    let shown = |line: &str| home.ok(&format!("{line} --store sqlite:rows.db"));
    let table = shown("candles --symbol KUCOIN:BABYDOGE-USDT --resolution 1m");
    for number in ["0.0000000012345", "0.0000000012378", "0.0000000012309", "9864.6"] {
        assert!(table.split_whitespace().any(|word| word == number), "{number} in {table}");
    }
    let sums = shown("indicators --symbol BINANCE:PEPEUSDT");
    for number in ["12345678901234.5", "22222222112221.5", "30987654222097.75"] {
        assert!(sums.split_whitespace().any(|word| word == number), "{number} in {sums}");
    }
    let labels = |symbol: &str| {
        let chart = shown(&format!("candles --symbol {symbol} --resolution 5s --format chart"));
        let words =
            chart.lines().filter_map(|line| line.split_whitespace().next()).filter_map(|word| word.parse().ok());
        words.collect::<Vec<f64>>()
    };
    for (symbol, low, high) in [
        ("BINANCE:PEPEUSDT", 9.19e-6, 9.22e-6),
        ("KUCOIN:BABYDOGE-USDT", 1.2309e-9, 1.2378e-9),
        ("DEX:WETH-TOKEN", 3.21e-12, 6.1e-11),
    ] {
        let labels = labels(symbol);
        assert!(!labels.is_empty() && labels.iter().all(|label| (low..=high).contains(label)), "{symbol}: {labels:?}");
    }
}

#[test]
fn prices_below_zero_are_prices() {
    let Some(rows) = candles_of("06-negative-price", &["NYMEX:CLK20"], "1h") else { return };
    assert_eq!(rows[0][2..6], ["1", "1", "-40.32", "-37.63"]);
    let seen = format!("{} candle of {} trades, low {}", rows.len(), rows[0][7], rows[0][4]);
    compared("06-negative-price", "1 candle of 9 trades, low -40.32", &seen);
}

#[test]
fn forex_without_volume_has_candles() {
    let Some(rows) = candles_of("11-forex-v0", &["OANDA:EUR_USD"], "1m") else { return };
    let empty = rows.iter().filter(|row| row[6] == "0" && row[7] == "0").count();
    compared("11-forex-v0", "10 candles, 10 of volume 0", &format!("{} candles, {empty} of volume 0", rows.len()));
}

#[test]
fn open_and_close_lie_in_range() {
    let Some(rows) = candles_of("12-open-outside-range", &["TSLA", "BINANCE:X"], "5s") else { return };
    for row in &rows {
        let [open, high, low, close] = [2, 3, 4, 5].map(|at| row[at].parse::<f64>().unwrap());
        assert!(low <= open && open <= high && low <= close && close <= high, "{row:?}");
    }
    compared("12-open-outside-range", "opens 100 and 100.5", &format!("opens {} and {}", rows[0][2], rows[1][2]));
}

#[test]
fn a_store_takes_no_second_log() {
    let home = Home::new();
    for (name, symbol, t) in [("a", "OLD", 1_704_205_800_000_u64), ("b", "NEW", 1_717_421_400_000)] {
        home.write(&format!("{name}.jsonl"), format!("{{\"c\":null,\"p\":5,\"s\":\"{symbol}\",\"t\":{t},\"v\":1}}\n"));
        home.ok(&format!("import {name}.jsonl --log dir:{name}"));
    }
    home.ok("work --log dir:b --store sqlite:rows.db --until-end");
    let before = home.ok("status --store sqlite:rows.db --format json");
    for line in ["work --log dir:a --store sqlite:rows.db --until-end", "replay --log dir:a --write-to sqlite:rows.db"]
    {
        home.fails(line, 3, &["made from another log"]);
    }
    home.fails("verify --log dir:a --store sqlite:rows.db", 3, &["made from another log"]);
    assert_eq!(home.ok("status --store sqlite:rows.db --format json"), before);
    home.ok("verify --log dir:b --store sqlite:rows.db");
    compared("14-other-log-same-store", "exit 3 and nothing written", "exit 3 and nothing written");
}
