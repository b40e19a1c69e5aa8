//! A dead source holds back the frontier until an operator retires it.

use std::fs::OpenOptions;
use std::io::Write;

use serde_json::Value;

use crate::shared::process::Home;

const T0: u64 = 1_700_000_000_000;

fn frontier_ms(home: &Home) -> u64 {
    // A live source remains, so that the last trade waits.
    home.fails("work --log dir:log --store sqlite:store.db --until-end", 1, &["not complete"]);
    let status = home.ok("status --store sqlite:store.db --format json");
    serde_json::from_str::<Value>(&status).unwrap()["frontier_ms"].as_u64().unwrap()
}

#[test]
fn dead_source_is_listed_and_retired() {
    let home = Home::new();
    home.write("none.jsonl", "");
    home.ok("import none.jsonl --log dir:log --partitions 2");
    for partition in 0..2 {
        let path = home.path(&format!("log/partition-{partition:05}.jsonl"));
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        for (source, seconds) in [("dead", 5), ("alive", 5), ("alive", 60)] {
            let event_ms = T0 + seconds * 1_000;
            writeln!(file, r#"{{"type":"progress","source":"{source}","event_ms":{event_ms}}}"#).unwrap();
        }
        writeln!(file, r#"{{"c":null,"p":2,"s":"X:A","t":{},"v":1}}"#, T0 + 60_000).unwrap();
    }
    assert_eq!(frontier_ms(&home), T0 + 5_000, "the dead source holds back the frontier");
    let listed = home.ok("source list --log dir:log --store sqlite:store.db");
    let last = listed.lines().last().unwrap();
    assert!(last.starts_with("dead") && last.contains("2023-11-14T22:13:25Z"), "{listed}");
    assert_eq!(home.ok("source list --log dir:log"), listed, "without the store the whole log is read");
    home.fails("source retire nobody --log dir:log --store sqlite:store.db", 2, &["nobody", "alive, dead"]);
    let output = home.ok("source retire dead --log dir:log --store sqlite:store.db");
    assert!(output.contains("retired dead in 2 partitions"), "{output}");
    assert_eq!(frontier_ms(&home), T0 + 60_000);
    assert!(!home.ok("source list --log dir:log --store sqlite:store.db").contains("dead"));
    home.ok("verify --log dir:log --store sqlite:store.db");
}
