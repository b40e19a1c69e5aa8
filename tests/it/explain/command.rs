//! `tickline explain` as a command: its table, its JSON, and how it ends.

use serde_json::{Value, json};

use crate::shared::process::Home;
use crate::shared::raw_log::log_of;
use crate::shared::tables;

/// 2024-01-02T14:30:00Z.
const T0: u64 = 1_704_205_800_000;
const WORK: &str = "work --log dir:log --store sqlite:rows.db --dedup --until-end";
const EXPLAIN: &str = "explain --log dir:log --store sqlite:rows.db --dedup";

fn trade(symbol: &str, price: &str, ms: u64, more: &str) -> String {
    format!(r#"{{"s":"{symbol}","p":{price},"v":100,"t":{}{more}}}"#, T0 + ms)
}

fn progress(ms: u64) -> String {
    format!(r#"{{"type":"progress","source":"a","event_ms":{}}}"#, T0 + ms)
}

/// A store of one log, in which much happens to the first window of NVDA.
fn home() -> Home {
    let frame = [trade("NVDA", "224.5", 1_250, ""), trade("AAPL", "7", 1_300, "")].join(",");
    let home = log_of([&[
        progress(0),
        format!(r#"{{"type":"trade","data":[{frame}]}}"#),
        trade("NVDA", "225.25", 1_900, r#","id":"x","c":["12"]"#),
        trade("NVDA", "225.25", 1_900, r#","id":"x","c":["12"]"#),
        trade("NVDA", "9", 2_000, r#","c":["16"]"#),
        trade("NVDA", "\"high\"", 2_100, ""),
        progress(4_000),
        "torn".to_owned(),
        trade("NVDA", "224.75", 2_500, ""),
        progress(20_000),
        trade("NVDA", "224", 4_999, r#","id":7"#),
        trade("NVDA", "230", 25_000, ""),
        progress(320_000),
        progress(620_000),
        progress(920_000),
        trade("NVDA", "1", 3_000, ""),
        progress(1_200_000),
    ]]);
    home.ok(WORK);
    home
}

const TABLE: &str = "\
candle           NVDA 5s, 2024-01-02T14:30:00Z to 2024-01-02T14:30:05Z
state            complete and final: no trade can change it any more
complete up to   2024-01-02T14:50:00Z
log read from    its beginning
log read up to   2024-01-02T14:50:00Z; what was rejected after it is not listed
offsets          0:0..17
unreadable       1 rejected record or element names no symbol or time: `tickline rejected list`

made by 4 trades, 2 late; in the order in which they counted
#    event time            counted at   place   price  volume
1  14:30:01.250  2024-01-02T14:30:01Z   0:1:0   224.5     100
2  14:30:01.900  2024-01-02T14:30:01Z   0:2:0  225.25     100  sets volume, c 12
3  14:30:02.500  2024-01-02T14:30:04Z   0:8:0  224.75     100  late
4  14:30:04.999  2024-01-02T14:30:20Z  0:10:0     224     100  late

left out: 4 trades (1 bad_price, 1 beyond_allowed_lateness, 1 duplicate, 1 excluded)
place     event time            decided at   price  volume
0:3:0   14:30:01.900  2024-01-02T14:30:00Z  225.25     100  duplicate, c 12
0:5:0   14:30:02.100  2024-01-02T14:30:00Z       ?     100  bad_price
0:4:0   14:30:02.000  2024-01-02T14:30:02Z       9     100  excluded, c 16
0:15:0  14:30:03.000  2024-01-02T14:45:20Z       1     100  beyond_allowed_lateness

3 versions of the row
version                 as of   open    high    low   close  volume  trades  made by #
1        2024-01-02T14:30:01Z  224.5   224.5  224.5   224.5     200       2        1-2
2        2024-01-02T14:30:04Z  224.5  224.75  224.5  224.75     300       3          3
3        2024-01-02T14:30:20Z  224.5  224.75    224     224     400       4          4

row                 by the log          in the store
open                     224.5                 224.5
high                    224.75                224.75
low                        224                   224
close                      224                   224
volume                     400                   400
notional                 89850                 89850
vwap                   224.625               224.625
trades                       4                     4
as_of     2024-01-02T14:30:20Z  2024-01-02T14:30:20Z

equal: the stored row is what the log leads to, bit by bit
";

#[test]
fn a_candle_is_explained_in_a_table() {
    let home = home();
    let said = home.ok(&format!("{EXPLAIN} --symbol NVDA --window 2024-01-02T14:30:03Z"));
    assert_eq!(said, TABLE, "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");
    let few = home.ok(&format!("{EXPLAIN} --symbol NVDA --window 2024-01-02T14:30:03Z --limit 2"));
    assert!(few.contains("... and 2 more that are not listed: --limit 4 lists all"), "{few}");
    assert!(few.contains("made by 4 trades, 2 late") && few.contains("3 versions"), "{few}");
}

#[test]
fn a_candle_is_explained_in_json() {
    let home = home();
    let json = |line: &str| -> Value {
        serde_json::from_str(&home.ok(&format!("{EXPLAIN} --format json --symbol NVDA --window {line}"))).unwrap()
    };
    let described: Value = serde_json::from_str(include_str!("../../../src/dashboard/openapi.json")).unwrap();
    let schema = json!({"$ref": "#/components/schemas/Explanation", "components": described["components"]});
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    for line in ["1704205803000", "1704205803000 --resolution 1d", "1704205803000 --limit 0", "2024-01-03"] {
        let found = json(line);
        let wrong: Vec<_> = schema.iter_errors(&found).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{line}: {wrong:?} {found:#}");
    }
    let found = json("1704205803000");
    assert_eq!(
        found["left_out"]["by_reason"],
        json!({"bad_price": 1, "beyond_allowed_lateness": 1, "duplicate": 1, "excluded": 1})
    );
    assert_eq!(found["accepted"]["listed"][1]["sets"], json!(["volume"]));
    assert_eq!(found["verdict"], "equal");
    let few = json("1704205803000 --limit 1");
    assert_eq!((&few["accepted"]["total"], &few["versions"]["total"]), (&json!(4), &json!(3)));
    let versions = few["versions"]["listed"].as_array().unwrap();
    assert_eq!((versions.len(), &versions[0]["version"]), (1, &json!(3)), "the last one is always there");
}

#[test]
fn a_row_that_the_log_does_not_lead_to_is_said_loudly() {
    let home = home();
    let store = home.path("rows.db");
    let explain = format!("{EXPLAIN} --symbol NVDA --window 1704205803000");
    let of = "WHERE symbol = 'NVDA' AND window_start = 1704205800000";
    assert_eq!(tables::change(&store, &format!("UPDATE candles_5s SET close = 224.25, trades = 5 {of}")), 1);
    let ended = home.run(&explain);
    ended.is(1, &["store and log disagree in this row: close, trades"]);
    assert!(ended.stdout.contains("DIFFERENT: the stored row is not what the log leads to"), "{ended:?}");
    let close = ended.stdout.lines().find(|line| line.starts_with("close")).unwrap();
    assert_eq!(close.split_whitespace().collect::<Vec<_>>(), ["close", "224", "224.25", "DIFFERS"]);
    home.ok(&format!("{explain} --resolution 1m"));
    let json: Value = serde_json::from_str(&home.run(&format!("{explain} --format json")).stdout).unwrap();
    assert_eq!((&json["verdict"], &json["differences"]), (&json!("differs"), &json!(["close", "trades"])));

    assert_eq!(tables::change(&store, &format!("UPDATE candles_5s SET window_start = window_start + 30000 {of}")), 1);
    home.fails(&explain, 1, &["it is missing in the store"]);
    let moved = home.run(&format!("{EXPLAIN} --symbol NVDA --window 1704205830000"));
    moved.is(1, &["the log does not lead to it"]);
    assert!(moved.stdout.contains("UNEXPECTED"), "{moved:?}");
}

#[test]
fn what_cannot_be_explained_is_said() {
    let home = home();
    home.fails(
        &format!("{EXPLAIN} --symbol NVDIA --window 1704205803000"),
        2,
        &["unknown symbol NVDIA", "did you mean NVDA"],
    );
    home.fails(&format!("{EXPLAIN} --symbol NV\u{200b}DA --window 1704205803000"), 2, &["unknown symbol"]);
    let without = EXPLAIN.replace(" --dedup", "");
    home.fails(&format!("{without} --symbol NVDA --window 1704205803000"), 2, &["differ from those"]);
    home.write("other.jsonl", format!("{}\n", trade("NVDA", "1", 0, "")));
    home.ok("import other.jsonl --log dir:other --partitions 1");
    let other = EXPLAIN.replace("dir:log", "dir:other");
    home.fails(&format!("{other} --symbol NVDA --window 1704205803000"), 3, &["the store was made from another log"]);
    home.ok("setup --log dir:log --store sqlite:empty.db");
    let empty = EXPLAIN.replace("rows.db", "empty.db");
    home.fails(&format!("{empty} --symbol NVDA --window 1704205803000"), 2, &["no frontier yet"]);
}

#[test]
fn a_window_that_is_not_complete_may_change() {
    let home = home();
    let day = home.ok(&format!("{EXPLAIN} --symbol NVDA --window 2024-01-02 --resolution 1d"));
    assert!(day.contains("not complete: may change") && day.contains("equal: "), "{day}");
    let open = home.ok(&format!("{EXPLAIN} --symbol NVDA --window 2024-01-02T14:45:00Z"));
    assert!(open.contains("complete; late trades may change it until 2024-01-02T15:00:05Z"), "{open}");
    assert!(open.contains("no row: no trade of the window counts"), "{open}");
    let after = home.ok(&format!("{EXPLAIN} --symbol NVDA --window 2024-01-02T15:00:00Z"));
    assert!(after.contains("not complete: may change") && after.contains("no row"), "{after}");
}
