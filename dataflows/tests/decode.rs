//! The two readers of records against each other, and both against arbitrary bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::cell::Cell;

use dataflows::log::control::Control;
use dataflows::log::decode::{RawTrade, Visitor, decode, fast, general};
use dataflows::log::reject::{RECORD_BYTES_MAX, Reason};
use dataflows::symbols::symbol::Symbol;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

mod oracle;
mod support;

use oracle::generate;
use oracle::name::{is_hidden, is_name};

const EDGES: [&str; 6] = ["1000000000000", "999999999999.9999999999", "0.0000000001", "1e400", "null", "\"1\""];

/// All calls of a visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Calls(Vec<String>);

impl Visitor for Calls {
    fn trade(&mut self, index: u32, trade: &RawTrade<'_>) {
        self.0.push(format!("{index} {trade:?}"));
    }
    fn control(&mut self, control: Control<'_>) {
        self.0.push(format!("{control:?}"));
    }
    fn reject(&mut self, index: u32, reason: Reason, bytes: &[u8]) {
        self.0.push(format!("{index} {reason:?} {}", String::from_utf8_lossy(bytes)));
    }
}

/// Whenever the fast reader takes a record it says what the general one says; else it has said nothing. Whether it did.
fn agree(record: &[u8]) -> Result<bool, TestCaseError> {
    let (mut quick, mut thorough, mut whole) = (Calls::default(), Calls::default(), Calls::default());
    let taken = fast::decode(record, &mut quick);
    general::decode(record, &mut thorough);
    decode(record, record.len() as u64, &mut whole);
    if taken {
        prop_assert_eq!(&quick, &thorough, "{}", String::from_utf8_lossy(record));
    } else {
        prop_assert_eq!(quick, Calls::default());
    }
    if record.len() <= RECORD_BYTES_MAX {
        prop_assert_eq!(whole, thorough);
    } else {
        prop_assert_eq!(whole.0, [format!("0 TooLarge {}", String::from_utf8_lossy(record))]);
    }
    Ok(taken)
}

fn check(record: &[u8]) -> TestCaseResult {
    agree(record).map(drop)
}

/// A number in any form that JSON has, and some that it has not.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        16 => r"[1-9][0-9]{0,5}\.[0-9]{1,10}",
        2 => r"(0|[1-9][0-9]{0,18})",
        2 => r"(0|[1-9][0-9]{0,17})\.[0-9]{0,13}",
        1 => r"[-+]?[0-9]{1,20}\.?[0-9]{0,12}([eE][-+]?[0-9]{0,3})?",
        1 => prop::sample::select(EDGES.to_vec()).prop_map(str::to_string),
    ]
}

fn time() -> impl Strategy<Value = String> {
    prop_oneof![24 => "1[0-9]{12}", 1 => "[0-9]{1,19}", 1 => "-[0-9]{1,19}", 1 => r"1[0-9]{12}\.0", 1 => "[0-9]{9}e3"]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        16 => "[A-Z:0-9 ]{1,20}",
        2 => "[ -~]{0,12}",
        1 => r#"([ -~]|\\[nu"\\]|\\u00[0-9a-f]{2}|[\x7f-\u{200}]){0,8}"#,
        1 => "X{127,130}",
    ]
}

fn conditions() -> impl Strategy<Value = Option<String>> {
    let list = prop::collection::vec(text(), 0..4).prop_map(|texts| format!("[\"{}\"]", texts.join("\",\"")));
    let odd =
        prop::sample::select(vec!["null", "[]", "[ ]", "[null]", "{}", "[\"1\",]", "[\"1\" ,\"2\"]", "nul", "[1]"]);
    prop::option::of(prop_oneof![8 => list, 2 => odd.prop_map(str::to_string)])
}

/// A trade in Finnhub's order of keys; or with white space.
fn trade() -> impl Strategy<Value = String> {
    let space = prop::sample::select(vec!["", "", "", "", "", "", " ", "\t"]);
    (conditions(), number(), text(), time(), number(), space, any::<[bool; 4]>()).prop_map(
        |(c, p, s, t, v, space, mixed)| {
            let c = c.map_or(String::new(), |c| format!("\"c\":{c},"));
            match mixed {
                [true, true, true, true] => format!("{{\"s\":\"{s}\",{space}\"p\":{p},{c}\"v\":{v},\"t\":{t}}}"),
                _ => format!("{{{c}\"p\":{p},\"s\":{space}\"{s}\",\"t\":{t},\"v\":{v}}}"),
            }
        },
    )
}

fn record() -> impl Strategy<Value = String> {
    let frame =
        (prop::collection::vec(trade(), 0..5), 0..4_u8, prop::sample::select(vec![",", ",", ",", ", ", ",,", ""]));
    let frame = frame.prop_map(|(trades, form, comma)| {
        let data = trades.join(comma);
        match form {
            0 => format!("{{\"type\":\"trade\",\"data\":[{data}]}}"),
            1 => format!("{{\"data\":[{data}],\"type\":\"trade\" }}"),
            _ => format!("{{\"data\":[{data}],\"type\":\"trade\"}}"),
        }
    });
    let end = prop::sample::select(vec!["", "", "", "", "", "", "", "", "\r", " ", "\r\r", "}", "\n"]);
    (prop_oneof![3 => trade(), 1 => frame], end).prop_map(|(record, end)| record + end)
}

/// A record that the fast reader takes.
fn plain() -> impl Strategy<Value = Vec<u8>> {
    let trades = [
        r#"{"c":["1","12"],"p":7296.89,"s":"BINANCE:BTCUSDT","t":1575526691134,"v":0.011467}"#,
        r#"{"p":1,"s":"A","t":1575526691134,"v":0}"#,
        r#"{"c":null,"p":0.0000000001,"s":"IC MARKETS:1","t":4102444799999,"v":1.0000000000}"#,
        concat!(
            r#"{"data":[{"c":[],"p":12.5,"s":"A","t":1575526691134,"v":3},"#,
            r#"{"p":2,"s":"B","t":31536000000,"v":9.9}],"type":"trade"}"#
        ),
        r#"{"type":"trade","data":[{"p":99999999999.5,"s":"C","t":1575526691134,"v":1}]}"#,
    ];
    prop::sample::select(trades.to_vec()).prop_map(|text| text.as_bytes().to_vec())
}

#[test]
fn both_readers_agree_on_generated_records() {
    let mut taken = 0;
    for seed in 0..support::cases(120) {
        let (_, log) = generate::case(seed);
        taken += log.iter().flatten().filter(|record| agree(&record.bytes).unwrap()).count();
    }
    assert!(taken > 1_000, "the fast reader took only {taken}");
}

#[test]
fn every_shape_is_read_alike() {
    let taken = Cell::new(0);
    support::check(20_000, &record(), |record| {
        taken.set(taken.get() + u64::from(agree(record.as_bytes())?));
        Ok(())
    });
    assert!(taken.get() > support::cases(20_000) / 20, "the fast reader took only {}", taken.get());
}

#[test]
fn fast_reader_reads_finnhub_records() {
    support::check(50, &plain(), |record| {
        prop_assert!(agree(&record)?, "{}", String::from_utf8_lossy(&record));
        Ok(())
    });
}

/// Each byte in turn struck out, doubled, or with any of its bits flipped; and the record cut there.
#[test]
fn both_readers_agree_on_damaged_records() {
    support::check(12, &plain(), |record| {
        for at in 0..record.len() {
            check(&record[..at])?;
            check(&[&record[..at], &record[at + 1..]].concat())?;
            check(&[&record[..=at], &record[at..]].concat())?;
            for bit in 0..8 {
                let mut damaged = record.clone();
                damaged[at] ^= 1 << bit;
                check(&damaged)?;
            }
        }
        Ok(())
    });
}

#[test]
fn both_readers_agree_on_any_bytes() {
    let strategy = (plain(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4));
    support::check(4_000, &strategy, |(mut record, changes)| {
        for (at, byte) in changes {
            let at = at.index(record.len());
            record[at] = byte;
        }
        check(&record)
    });
}

#[test]
fn arbitrary_bytes_never_panic() {
    let json = prop::collection::vec(prop::sample::select(br#"{}[]",:\0123456789.eE+-cpstvnul trade"#.to_vec()), 0..80);
    support::check(4_000, &prop_oneof![prop::collection::vec(any::<u8>(), 0..200), json], |bytes| {
        check(&bytes)?;
        check(&[b"{\"c\":", &bytes[..]].concat())?;
        check(&[b"{\"data\":[", &bytes[..], b"],\"type\":\"trade\"}"].concat())
    });
}

/// A frame of more trades than the fast reader holds, and one of just as many.
#[test]
fn frames_of_any_length_are_read_alike() {
    let trade = r#"{"p":1,"s":"A","t":1575526691134,"v":1}"#;
    for len in [0, 1, 63, 64, 65, 1_000] {
        let data = vec![trade; len].join(",");
        let taken = agree(format!("{{\"data\":[{data}],\"type\":\"trade\"}}").as_bytes()).unwrap();
        assert_eq!(taken, (1..=64).contains(&len), "{len} trades");
    }
}

/// A record that a reader truncated is rejected as too large, whatever is left of it.
#[test]
fn truncated_records_are_too_large() {
    let mut calls = Calls::default();
    let rest = r#"{"p":1,"s":"A","t":1575526691134,"v":1}"#;
    decode(rest.as_bytes(), RECORD_BYTES_MAX as u64 + 1, &mut calls);
    assert_eq!(calls.0, [format!("0 TooLarge {rest}")]);
}

/// The calls for a trade of this symbol, and for progress of this source.
fn with_name(name: &str) -> [String; 2] {
    let name = serde_json::to_string(name).unwrap();
    let trade = format!(r#"{{"p":1,"s":{name},"t":1700000000000,"v":1}}"#);
    let progress = format!(r#"{{"type":"progress","source":{name},"event_ms":5}}"#);
    [trade, progress].map(|record| {
        let mut calls = Calls::default();
        decode(record.as_bytes(), record.len() as u64, &mut calls);
        calls.0.concat()
    })
}

#[test]
fn hidden_characters_are_in_no_name() {
    let (mut hidden, mut before) = (0, false);
    for c in (0..=0x10_ffff).filter_map(char::from_u32) {
        let (name, is_hidden) = (format!("A{c}"), is_hidden(c));
        assert_eq!(Symbol::new(&name).is_none(), is_hidden, "{c:?}");
        hidden += u32::from(is_hidden);
        // Records are read slowly here: at each edge of a range, and now and then.
        if is_hidden != before || u32::from(c) % 997 == 0 {
            let [trade, progress] = with_name(&name);
            let rejected = (trade.starts_with("0 BadSymbol"), progress.starts_with("0 BadControl"));
            assert_eq!(rejected, (is_hidden, is_hidden), "{c:?}");
        }
        before = is_hidden;
    }
    assert!(hidden > 137_468, "those for private use alone");
    for name in ["", "A", &"é".repeat(64), &"é".repeat(65), "\u{202e}"] {
        let [trade, progress] = with_name(name);
        let is_taken = (!trade.contains("BadSymbol"), !progress.contains("BadControl"));
        assert_eq!(is_taken, (is_name(name), is_name(name)), "{name:?}");
    }
}
