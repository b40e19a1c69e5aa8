//! The mirror on a topic: every rejected row of the store, with its position as key.

use std::collections::BTreeMap;

use serde_json::Value;
use tickline::log::address::LogAddress;

use crate::shared::broker::{log_address, shared, topic};
use crate::shared::clients;
use crate::shared::process::Home;

/// The topic's records by key, and their total number.
fn mirrored(topic: &str) -> (BTreeMap<String, Value>, usize) {
    let records = clients::run("consumer", "", &[&shared().address, topic]);
    let records = records.as_array().unwrap();
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    for record in records {
        let before = all.insert(record["key"].as_str().unwrap().to_string(), record["value"].clone());
        assert!(before.is_none_or(|before| before == record["value"]), "duplicates of a key are equal");
    }
    (all, records.len())
}

#[test]
fn rejected_records_are_mirrored() {
    let (home, trades, mirror) = (Home::new(), topic(2), topic(2));
    let mut lines = home.ok("simulate --print 2000").lines().map(String::from).collect::<Vec<_>>();
    (1..20).for_each(|n| lines.insert(100 * n, format!(r#"{{"s":"BAD {n}","p":null,"t":1,"v":1}}"#)));
    lines.push("no \"JSON\"\u{7f}".to_string());
    home.write("trades.jsonl", lines.join("\n"));
    let log = log_address(&trades);
    home.ok(&format!("import trades.jsonl --log {log}"));
    let to = log_address(&mirror);
    home.ok(&format!("work --log {log} --store sqlite:rows.db --until-end --rejected-to {to}"));

    let rows = home.ok("rejected list --store sqlite:rows.db --format json");
    let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
    assert_eq!(rows.len(), 20);
    let wanted: BTreeMap<_, _> = rows
        .into_iter()
        .map(|mut row| {
            let key = format!("{trades}/{}/{}/{}", row["partition"], row["offset"], row["index"]);
            row["type"] = "rejected".into();
            row["log"] = trades.clone().into();
            (key, row)
        })
        .collect();
    assert_eq!(mirrored(&mirror), (wanted.clone(), 20));
    // A second run from the start mirrors them again, with the same keys.
    home.ok(&format!("work --log {log} --store sqlite:again.db --until-end --rejected-to {to}"));
    assert_eq!(mirrored(&mirror), (wanted, 40));
}

#[test]
fn a_mirror_is_created_and_never_the_log() {
    let (home, trades) = (Home::new(), topic(2));
    let log = log_address(&trades);
    home.write("trades.jsonl", home.ok("simulate --print 10"));
    home.ok(&format!("import trades.jsonl --log {log}"));
    let work = format!("work --log {log} --store sqlite:rows.db --until-end --rejected-to");
    home.fails(&format!("{work} {log}"), 2, &["--rejected-to", "the log itself"]);
    let mirror = log_address(&format!("{trades}.rejected"));
    home.ok(&format!("{work} {mirror}"));
    assert_eq!(mirror.parse::<LogAddress>().unwrap().open().unwrap().partitions(), 2);
}
