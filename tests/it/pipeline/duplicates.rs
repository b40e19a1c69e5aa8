//! Trades that are delivered again, by their ids: on any number of workers, and over a restart from a checkpoint whose
//! names they are compared with.

use serde_json::Value;

use crate::shared::process::Home;

const TRADES: u64 = 30_000;
/// Number of trades after which every third one comes once more.
const AGAIN_AFTER: usize = 700;

/// In `clean` each trade once; in `whole` some once more; in `parts` the same as in `whole`, by two imports.
fn home() -> Home {
    let home = Home::new();
    home.simulate("plain.jsonl", TRADES, "2024-01-02T23:58:30Z");
    let plain = std::fs::read_to_string(home.path("plain.jsonl")).unwrap();
    let with_id = |(n, line): (usize, &str)| line.replacen("\"p\":", &format!("\"id\":\"{n}\",\"p\":"), 1);
    let trades: Vec<String> = plain.lines().enumerate().map(with_id).collect();
    let mut again = Vec::new();
    for (at, trade) in trades.iter().enumerate() {
        again.push(trade.clone());
        if at >= AGAIN_AFTER && at % 3 == 0 {
            again.push(trades[at - AGAIN_AFTER].clone());
        }
    }
    home.write("clean.jsonl", trades.join("\n") + "\n");
    let (first, second) = again.split_at(again.len() / 2);
    home.write("first.jsonl", first.join("\n") + "\n");
    home.write("second.jsonl", second.join("\n") + "\n");
    home.ok("import clean.jsonl --as-live --log dir:clean --partitions 3");
    home
}

fn status(home: &Home, store: &str) -> Value {
    serde_json::from_str(&home.ok(&format!("status --store sqlite:{store} --format json"))).unwrap()
}

/// Open, high, low, close, volume and trades of every candle of a minute.
fn minutes(home: &Home, store: &str) -> Vec<String> {
    let sql = "SELECT symbol, window_start, open, high, low, close, volume, trades FROM candles_1m ORDER BY 1, 2";
    crate::shared::tables::rows(&crate::shared::tables::open(&home.path(store)), sql)
}

#[test]
fn a_second_delivery_changes_nothing() {
    let home = home();
    home.ok("work --log dir:clean --store sqlite:clean.db --until-end");
    let settings = "--until-end --dedup";
    home.ok("import first.jsonl --as-live --log dir:log --partitions 3");
    home.ok(&format!("work --log dir:log --store sqlite:rows.db {settings} --workers 2"));
    let before = status(&home, "rows.db");
    let committed = home.ok("checkpoint list --store sqlite:rows.db");
    assert!(committed.contains("committed"), "{committed}");
    // The second part begins with deliveries of trades that only the checkpoint knows.
    home.ok("import second.jsonl --as-live --log dir:log");
    home.ok(&format!("work --log dir:log --store sqlite:rows.db {settings} --workers 3"));
    let after = status(&home, "rows.db");
    let duplicates = (AGAIN_AFTER..TRADES as usize).filter(|at| at % 3 == 0).count() as u64;
    let of = |status: &Value, counter: &str| status["counters"][counter].as_u64().unwrap();
    assert_eq!((of(&after, "trades"), of(&after, "duplicates")), (TRADES, duplicates));
    assert!(of(&before, "duplicates") > 0 && of(&before, "duplicates") < duplicates, "{before}");
    assert_eq!(minutes(&home, "rows.db"), minutes(&home, "clean.db"));
    let last = |workers: u32| {
        let lines = home.ok(&format!("replay --log dir:log --dedup --workers {workers}"));
        lines.lines().last().unwrap().to_owned()
    };
    let wanted = last(1);
    assert!(wanted.contains(after["digest"].as_str().unwrap()), "{wanted} {after}");
    assert_eq!([last(2), last(4)], [wanted.clone(), wanted]);
    home.ok("verify --log dir:log --store sqlite:rows.db --dedup --workers 2");
    // With other settings it is another pipeline.
    home.fails("work --log dir:log --store sqlite:rows.db --until-end", 2, &["settings"]);
}
