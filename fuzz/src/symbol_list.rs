//! Lists of the REST interface: every element is taken or named, and what is merged is found again.

use dataflows::name_policy;
use dataflows::symbols::entry::{ENTRY_BYTES_MAX, Entry, Market};
use dataflows::symbols::symbol::Symbol;
use serde_json::value::RawValue;
use tickline::finnhub::rest::answer::{names, symbols};
use tickline::symbols::merge::{Entries, Exchange, merge};

const DAY_MS: u64 = 86_400_000;

/// Checks a list, or two lists of two days: the second one follows a zero byte.
pub fn check(data: &[u8]) {
    let mut known = Entries::new();
    let exchange = Exchange { market: Market::Stock, name: "US".to_owned() };
    for (day, list) in (20_000..).zip(data.split(|byte| *byte == 0)) {
        let now_ms = day * DAY_MS + 7;
        if let Ok(names) = names(list) {
            assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
            assert!(names.iter().all(|name| !name.is_empty() && name_policy::check(name).is_ok()), "{names:?}");
        }
        let Ok(answer) = symbols(list) else { continue };
        let elements: Vec<&RawValue> = serde_json::from_slice(list).unwrap();
        assert_eq!(answer.listed.len() + answer.bad.len(), elements.len(), "elements are lost");
        assert!(answer.bad.iter().all(|bad| name_policy::check(bad).is_ok()), "{:?}", answer.bad);
        for listed in &answer.listed {
            assert!(Symbol::new(&listed.symbol.0).is_some(), "{listed:?}");
            let texts = [&listed.display_symbol, &listed.description, &listed.mic, &listed.currency, &listed.r#type];
            assert!(texts.iter().all(|text| text.0.len() <= 512 && name_policy::check(&text.0).is_ok()), "{listed:?}");
        }
        let merged = merge(&known, &exchange, &answer, now_ms);
        assert_eq!(merged.listed + merged.taken.len(), answer.listed.len());
        for entry in merged.changed {
            let record = entry.encode().unwrap();
            assert!(record.len() <= ENTRY_BYTES_MAX);
            assert_eq!(Entry::decode(&record), Ok(entry.clone()));
            let old = known.insert(entry.symbol.to_string(), entry.clone());
            assert!(old.is_none_or(|old| old.as_of_ms < entry.as_of_ms && old.first_seen_ms <= entry.first_seen_ms));
        }
        assert_eq!(merge(&known, &exchange, &answer, now_ms).changed, [], "the same list changes something");
    }
}
