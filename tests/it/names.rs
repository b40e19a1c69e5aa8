//! Names from outside: where they enter, those that cannot be seen are rejected; where they leave, nothing in them
//! commands a terminal, a spreadsheet or another name's place.

use std::fs::OpenOptions;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::shared::process::Home;
use crate::shared::tables;

/// A name that clears a terminal, changes its title, and writes from right to left.
const STRANGE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}\u{200b}\u{e0041}";
/// How it is shown.
const SHOWN: &str = "\\u{1b}[2J\\u{1b}]0;owned\\u{7}\\u{202e}\\u{200b}\\u{e0041}";

/// Characters that may not reach a terminal.
fn is_harmful(c: char) -> bool {
    c != '\n' && (c.is_control() || "\u{202e}\u{200b}\u{e0041}\u{2028}".contains(c))
}

fn assert_harmless(text: &str) {
    assert!(!text.contains(is_harmful), "{text:?}");
}

/// A log with a source whose name is a formula, a gap with a strange cause, and what a source of a strange name wrote;
/// and its store.
fn home() -> Home {
    let home = Home::new();
    home.simulate("trades.jsonl", 200, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:log --partitions 1");
    let mut file = OpenOptions::new().append(true).open(home.path("log/partition-00000.jsonl")).unwrap();
    let from_ms = 1_704_206_000_000_u64;
    let gap = |source: &str| {
        let cause = format!("={STRANGE}");
        json!({ "type": "gap", "source": source, "from_ms": from_ms, "to_ms": from_ms + 1_000, "cause": cause })
    };
    let progress = |source: &str, ms: u64| json!({ "type": "progress", "source": source, "event_ms": from_ms + ms });
    let bad = "=HYPERLINK(\"http://h/\")\n\u{9b}2J\u{202e}";
    writeln!(file, "{}\n{}\n{bad}", progress("=one", 0), gap("=one")).unwrap();
    writeln!(file, "{}\n{}\n{}", progress(STRANGE, 0), gap(STRANGE), progress("=one", 30_000)).unwrap();
    home.ok("work --log dir:log --store sqlite:store.db --until-end");
    home
}

#[test]
fn sources_with_terminal_commands_do_not_exist() {
    let home = home();
    let listed = home.ok("source list --log dir:log");
    assert_harmless(&listed);
    assert!(listed.contains("=one") && !listed.contains(SHOWN), "{listed}");
    let status = home.ok("status --log dir:log --store sqlite:store.db");
    assert_harmless(&status);
    assert!(status.contains("source =one") && !status.contains(SHOWN), "{status}");
    let rejected = home.ok("rejected list --store sqlite:store.db");
    assert_harmless(&rejected);
    assert_eq!(rejected.matches("bad_control").count(), 2, "{rejected}");
    let ended = home.run(&format!("source retire {STRANGE} --log dir:log"));
    ended.is(2, &["live sources: =one"]);
    assert_harmless(&ended.stderr);
}

#[test]
fn texts_and_older_stores_with_terminal_commands_are_shown_as_text() {
    let home = home();
    let gaps = home.ok("gaps --store sqlite:store.db");
    assert_harmless(&gaps);
    assert_eq!(gaps.matches(SHOWN).count(), 1, "the cause of the one gap: {gaps}");
    // A store of an older revision may have such a source.
    assert_eq!(tables::change(&home.path("store.db"), &format!("UPDATE gaps SET source = '{STRANGE}'")), 1);
    let gaps = home.ok("gaps --store sqlite:store.db");
    assert_harmless(&gaps);
    assert_eq!(gaps.matches(SHOWN).count(), 2, "{gaps}");
}

#[test]
fn json_has_the_same_values_and_harmless_characters() {
    let home = home();
    let read = |line: &str| -> Value {
        let text = home.ok(line);
        assert_harmless(&text);
        serde_json::from_str(&text).unwrap()
    };
    let gaps = read("gaps --store sqlite:store.db --format json");
    assert_eq!((&gaps[0]["source"], &gaps[0]["cause"]), (&"=one".into(), &format!("={STRANGE}").into()));
    read("status --log dir:log --store sqlite:store.db --format json");
    let rejected = read("rejected list --store sqlite:store.db --format json");
    let originals: Vec<&str> = rejected.as_array().unwrap().iter().map(|r| r["original"].as_str().unwrap()).collect();
    assert!(originals.contains(&"\u{9b}2J\u{202e}"), "{originals:?}");
}

#[test]
fn no_csv_cell_is_a_formula() {
    let home = home();
    let gaps = home.ok("gaps --store sqlite:store.db --format csv");
    assert_harmless(&gaps);
    assert!(gaps.contains("\n'=one,") && gaps.contains(&format!(",'={SHOWN}")), "{gaps}");
    let rejected = home.ok("rejected list --store sqlite:store.db --format csv");
    assert_harmless(&rejected);
    // What a cell would change is in Base64, so that the bytes can be had back: `=HYPERLINK(...` and U+009B.
    assert!(rejected.contains(",base64,PUhZUEVSTElOSyg") && rejected.contains(",base64,wpsySuKArg=="), "{rejected}");

    // Candles: the symbol is a text, and a negative number stays a number.
    let sql = "UPDATE candles_5s SET symbol = '=1+1', open = -5.5 WHERE symbol = (SELECT min(symbol) FROM candles_5s)";
    assert!(tables::change(&home.path("store.db"), sql) > 0);
    let candles = home.ok("candles --store sqlite:store.db --symbol =1+1 --resolution 5s --format csv");
    let rows: Vec<&str> = candles.lines().skip(1).collect();
    assert!(
        !rows.is_empty() && rows.iter().all(|row| row.starts_with("'=1+1,") && row.contains(",-5.5,")),
        "{candles}"
    );
}

#[test]
fn hidden_characters_are_rejected_where_names_enter() {
    let home = Home::new();
    let token = [("FINNHUB_TOKEN", "some-token")];
    let ingest = "ingest --log dir:live --symbols A --url ws://127.0.0.1:1/ --source";
    for hidden in ["\u{1b}[2J", "\u{202e}", "\u{200b}", "\u{e0041}", "\u{9b}"] {
        let code = format!("U+{:04X}", u32::from(hidden.chars().next().unwrap()));
        let rejected = |line: &str| {
            let ended = home.start_with(line, &token).end(line);
            ended.is(2, &[&code]);
            assert_harmless(&ended.stderr);
        };
        rejected(&format!("{ingest} a{hidden}"));
        rejected(&format!("import none --log dir:x --source a{hidden}"));
        rejected(&format!("{ingest} a --symbols A{hidden}B").replace("--symbols A --url", "--url"));
        home.write("list", format!("AAPL\nA{hidden}B\n"));
        rejected(&format!("{ingest} a --watchlist list").replace("--symbols A ", ""));
        let symbol = serde_json::to_string(&format!("A{hidden}B")).unwrap();
        home.write("t.jsonl", format!("{{\"p\":1,\"s\":{symbol},\"t\":1700000000000,\"v\":1}}\n"));
        let ended = home.run("import t.jsonl --log dir:x");
        ended.is(2, &["s is not a symbol: expected 1 to 128 bytes without characters that cannot be seen"]);
        assert_harmless(&ended.stderr);
    }
    assert!(!home.path("live").exists() && !home.path("x").exists(), "nothing was written");
}

#[test]
fn imported_rows_with_hidden_characters_are_rejected_with_a_reason() {
    let home = Home::new();
    let rows = "time,symbol,price,volume\n1700000000000,AAPL,1,1\n1700000001000,A\u{202e}B,1,1\n";
    home.write("trades.csv", rows);
    let ended = home.run("import trades.csv --log dir:log --partitions 1");
    ended.is(0, &["1 of the lines and trades are not valid", "A\\u{202e}B", "s is not a symbol"]);
    assert_harmless(&ended.stderr);
    home.ok("work --log dir:log --store sqlite:store.db --until-end");
    let rejected = home.ok("rejected list --store sqlite:store.db");
    assert_harmless(&rejected);
    assert!(rejected.lines().any(|line| line.contains("bad_json") && line.contains("A\\u{202e}B")), "{rejected}");
    home.fails("candles --store sqlite:store.db --symbol A\u{202e}B --resolution 5s", 2, &["unknown symbol"]);
}
