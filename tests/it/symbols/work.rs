//! The symbol table as the workers' second input: it is written to the store and does not affect candles.

use std::collections::BTreeMap;
use std::io::Write as _;

use dataflows::symbols::entry::{Entry, Status};
use simulator::rest_fault::RestFaults;
use tickline::store::address::StoreAddress;

use crate::shared::process::{Home, wait_for};
use crate::symbols::world::{CANARY, simulator};

const START: &str = "2024-01-02T14:30:00Z";

fn entry(symbol: &str, name: &str, status: Status, as_of_ms: u64) -> Entry {
    let text = format!(
        r#"{{"type":"symbol","symbol":"{symbol}","name":"{name}","market":"stock","status":"{}",
            "first_seen_ms":1,"last_seen_ms":2,"as_of_ms":{as_of_ms}}}"#,
        status.name()
    );
    Entry::decode(text.as_bytes()).unwrap()
}

fn lines(entries: &[Entry]) -> Vec<u8> {
    entries.iter().flat_map(|entry| [entry.encode().unwrap(), b"\n".to_vec()].concat()).collect()
}

fn stored(home: &Home, store: &str) -> BTreeMap<String, Entry> {
    let address: StoreAddress = format!("sqlite:{}", home.path(store).display()).parse().unwrap();
    let entries = address.open_reader().unwrap().symbols(&mut |_| true).unwrap();
    entries.into_iter().map(|entry| (entry.symbol.to_string(), entry)).collect()
}

fn digest(home: &Home, store: &str) -> serde_json::Value {
    let status = home.ok(&format!("status --store sqlite:{store} --format json"));
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    serde_json::json!([status["frontier"], status["digest"], status["rows"], status["counters"], status["partitions"]])
}

#[test]
fn the_digest_ignores_the_symbol_log() {
    let home = Home::new();
    home.simulate("trades.jsonl", 5_000, START);
    home.ok("import trades.jsonl --log dir:trades --partitions 3");
    std::fs::create_dir(home.path("symbols")).unwrap();
    let mut log = lines(&[
        entry("A", "first", Status::Listed, 10),
        entry("B", "", Status::Listed, 10),
        entry("A", "second", Status::Listed, 11),
    ]);
    // A misplaced trade, and a record without a value.
    log.extend_from_slice(b"{\"c\":null,\"p\":1,\"s\":\"A\",\"t\":1704205800000,\"v\":1}\n\n");
    log.extend(lines(&[
        entry("C", "", Status::Withdrawn, 12),
        entry("B", "", Status::Withdrawn, 12),
        entry("D", "", Status::Delisted, 12),
    ]));
    home.write("symbols/partition-00000.jsonl", &log);
    home.ok("work --log dir:trades --store sqlite:without.db --until-end");
    for workers in [1, 2] {
        let store = format!("with-{workers}.db");
        let work = format!("work --log dir:trades --store sqlite:{store} --workers {workers} --until-end");
        home.run(&format!("{work} --symbol-log dir:symbols"))
            .is(0, &["skipped an invalid symbol record", "missing field `type`"]);
        assert_eq!(digest(&home, &store), digest(&home, "without.db"));
        let rows = stored(&home, &store);
        let shown = |entry: &Entry| format!("{} {} {}", entry.name, entry.status.name(), entry.as_of_ms);
        assert_eq!(
            rows.values().map(shown).collect::<Vec<_>>(),
            ["second listed 11", " withdrawn 12", " withdrawn 12", " delisted 12"],
            "{workers}"
        );
        // The same log gives the same rows again; new entries are added.
        home.ok(&format!("{work} --symbol-log dir:symbols"));
        assert_eq!(stored(&home, &store), rows);
    }
    home.ok("verify --log dir:trades --store sqlite:with-2.db");
    log.extend(lines(&[entry("A", "", Status::Withdrawn, 13), entry("B", "back", Status::Listed, 13)]));
    home.write("symbols/partition-00000.jsonl", &log);
    home.ok("work --log dir:trades --store sqlite:with-2.db --workers 2 --until-end --symbol-log dir:symbols");
    let rows = stored(&home, "with-2.db");
    assert_eq!((rows["B"].status, &*rows["B"].name), (Status::Listed, "back"));
    home.fails(
        "work --log dir:trades --store none --until-end --symbol-log dir:trades",
        2,
        &["has 3 partitions, not 1"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_and_a_worker_share_a_store() {
    let simulator = simulator(3_000, RestFaults::default()).await;
    let home = Home::new();
    home.write("key", CANARY);
    home.simulate("trades.jsonl", 20_000, START);
    home.ok("import trades.jsonl --log dir:trades");
    // An empty symbol log, which the sync fills while the worker reads it.
    std::fs::create_dir(home.path("symbols")).unwrap();
    home.write("symbols/partition-00000.jsonl", "");
    let work = "work --log dir:trades --store sqlite:s.db --symbol-log dir:symbols --checkpoint-every 50ms";
    let mut worker = home.start(work);
    wait_for("a frontier", || home.path("s.db.lock").exists().then_some(()));
    let url = format!("http://{}/api/v1", simulator.addr());
    let sync = format!("symbols sync --cache cache --url {url} --token-file key --exchange US,L");
    home.run(&format!("{sync} --store sqlite:s.db")).is(0, &["listed by 2 exchanges (0 of them from the cache)"]);
    let rows = stored(&home, "s.db");
    assert!(rows.len() > 1_000 && worker.is_alive(), "{}", worker.stderr());
    // The log receives the store's entries, and the worker writes the missing ones to the store.
    home.run(&format!("{sync} --store sqlite:s.db --log dir:symbols")).is(0, &["(2 of them from the cache)"]);
    let late = entry("LATE", "late", Status::Listed, 7);
    let mut log = std::fs::File::options().append(true).open(home.path("symbols/partition-00000.jsonl")).unwrap();
    log.write_all(&lines(std::slice::from_ref(&late))).unwrap();
    wait_for("the late symbol", || stored(&home, "s.db").get("LATE").map(|row| assert_eq!(*row, late)));
    assert_eq!(stored(&home, "s.db").len(), rows.len() + 1);
    assert!(worker.is_alive(), "{}", worker.stderr());
}
