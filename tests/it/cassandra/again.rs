//! A second run over the whole log into the same tables: all cells and write times stay, and nothing is deleted.

use scylla::statement::Statement;
use scylla::value::Row;

use crate::cassandra::dump;
use crate::cassandra::raw::Raw;
use crate::cassandra::reader::progress;
use crate::cassandra::scene::{SETTINGS, beside, new_keyspace, scene};
use crate::shared::node::shared;
use crate::shared::process::Home;
use crate::shared::tables;

/// Live rows and tombstones that a table scan read, as the node reports them.
fn scanned(raw: &Raw, table: &str) -> (u64, u64) {
    let mut statement = Statement::new(format!("SELECT * FROM {table}"));
    statement.set_tracing(true);
    let result = raw.wait(raw.session.query_unpaged(statement, ())).unwrap();
    let tracing_id = result.tracing_id().unwrap();
    let rows = result.into_rows_result().unwrap().rows::<Row>().unwrap().count() as u64;
    let info = raw.wait(raw.session.get_tracing_info(&tracing_id)).unwrap();
    // "Read 12 live rows and 0 tombstone cells"
    let read = info.events.iter().filter_map(|event| event.activity.as_deref()?.strip_prefix("Read "));
    let counts = read.filter_map(|text| {
        let (live, rest) = text.split_once(" live rows and ")?;
        let (tombstones, _) = rest.split_once(" tombstone")?;
        Some((live.parse::<u64>().ok()?, tombstones.parse::<u64>().ok()?))
    });
    let (live, tombstones) = counts.fold((0, 0), |(live, dead), (l, d)| (live + l, dead + d));
    assert_eq!(live, rows, "the node traced everything that it read: {:?}", info.events);
    (live, tombstones)
}

#[test]
fn second_run_writes_the_same_cells() {
    let (raw, home, log) = (beside(), Home::new(), scene().log());
    let keyspace = new_keyspace(&shared().address);
    let store = shared().store_address(&keyspace);
    let work = |workers: u32, more: &str| {
        home.ok(&format!("work --log {log} --store {store} --workers {workers} --until-end {more} {SETTINGS}"));
    };
    work(2, "--checkpoint-every 1ms");
    let first = dump::dump(&raw, &keyspace);
    dump::assert_sound(&first);
    dump::assert_like_sqlite(&first, &scene().sqlite);
    dump::assert_equal(&first, &dump::dump(&raw, &scene().keyspace));
    for register in ["epochs", "frontier", "checkpoints", "checkpoint_segments"] {
        raw.run(&format!("TRUNCATE {keyspace}.{register}"));
    }
    assert_eq!(progress(&raw, &keyspace), crate::cassandra::reader::Progress::default());
    work(3, "--read-ahead 20s");
    assert_eq!(progress(&raw, &keyspace).epoch, 1, "it began from nothing");
    dump::assert_equal(&dump::dump(&raw, &keyspace), &first);
    for table in tables::ROWS.into_iter().chain(["frontier_history", "frontier", "epochs", "checkpoints"]) {
        let (live, tombstones) = scanned(&raw, &format!("{keyspace}.{table}"));
        assert!(live > 0, "{table} is empty");
        assert_eq!(tombstones, 0, "{table}");
    }
    home.ok(&format!("verify --log {log} --store {store} {SETTINGS}"));
}
