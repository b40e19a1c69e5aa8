//! Tests of only the Cassandra store, on a real node with one keyspace per test: epochs, cells, expiry, and errors.

use std::collections::BTreeMap;
use std::sync::Barrier;

use dataflows::output::row::{CandleRow, IndicatorRow};
use dataflows::progress::time::{DAY_MS, Resolution};
use scylla::value::CqlTimestamp;
use tickline::exit_code::ExitCode as _;
use tickline::store::address::StoreAddress;
use tickline::store::cassandra::address::CassandraAddress;
use tickline::store::cassandra::{CassandraReader, CassandraStore, set_up};
use tickline::store::{RowBatch, Store, StoreError, StoreReader, table, write_us};

use crate::shared::node;
use crate::store::displays;
use crate::store::plain;
use crate::store::plain::Plain;
use crate::store::suite::{self, ALL, batch, candle, checkpoint, durable, key, row};

/// A new keyspace with its tables.
fn made() -> CassandraAddress {
    let address = missing();
    set_up(&address, 1).unwrap();
    address
}

/// A keyspace that does not exist.
fn missing() -> CassandraAddress {
    plain::address(&node::shared().store_address(&node::keyspace()))
}

fn candles(candles: Vec<CandleRow>) -> RowBatch {
    RowBatch { candles, ..RowBatch::default() }
}

#[test]
fn cassandra_passes_the_suite() {
    let make = || {
        let address = StoreAddress::Cassandra(made());
        suite::Subject {
            writer: Box::new({
                let address = address.clone();
                move || address.open_writer().unwrap()
            }),
            reader: Box::new(move || address.open_reader().unwrap()),
            _home: Box::new(()),
        }
    };
    suite::all(&make);
    displays::all(&make);
}

#[test]
fn concurrent_openers_get_distinct_epochs() {
    let address = made();
    let stores: Vec<CassandraStore> = (0..4).map(|_| CassandraStore::open(&address).unwrap()).collect();
    let together = Barrier::new(stores.len());
    let opened = std::thread::scope(|scope| {
        let open = |mut store: CassandraStore| {
            let together = &together;
            scope.spawn(move || {
                together.wait();
                // An opener that is overtaken is already fenced.
                let epoch = match store.open_epoch() {
                    Ok((epoch, _)) => Some(epoch),
                    Err(StoreError::Fenced { ours, theirs, .. }) if ours < theirs => None,
                    Err(other) => panic!("{other}"),
                };
                (epoch, store)
            })
        };
        let threads: Vec<_> = stores.into_iter().map(open).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let mut epochs: Vec<u64> = opened.iter().filter_map(|(epoch, _)| *epoch).collect();
    epochs.sort_unstable();
    assert!(epochs.windows(2).all(|two| two[0] < two[1]), "no two have the same: {epochs:?}");
    assert_eq!(epochs.last(), Some(&4), "the last one of four is never fenced");
    for (epoch, mut store) in opened {
        let Some(epoch) = epoch else { continue };
        let published = store.commit_frontier(&durable(5_000, 1, epoch), &[]);
        assert_eq!(published.is_ok(), epoch == 4, "epoch {epoch}: {published:?}");
    }
    let seen = CassandraReader::open(&address).unwrap().frontier().unwrap();
    assert_eq!(seen, Some(durable(5_000, 1, 4)));
}

#[test]
fn processes_join_only_the_newest_epoch() {
    let address = made();
    let mut first = CassandraStore::open(&address).unwrap();
    let mut joined = CassandraStore::open(&address).unwrap();
    assert_eq!(joined.join_epoch(1).unwrap_err().exit_code(), 1, "not opened yet");
    first.open_epoch().unwrap();
    joined.join_epoch(1).unwrap();
    joined.write(&batch()).unwrap();
    joined.put_segments(1, 60_000, &[(0, b"theirs"), (9, b"")]).unwrap();
    first.put_segments(1, 60_000, &[(1, b"ours")]).unwrap();
    first.commit_checkpoint(1, &checkpoint(60_000), &[]).unwrap();
    let all = [b"theirs".to_vec(), b"ours".to_vec(), Vec::new()];
    assert_eq!(joined.segments(&[0, 1, 9].map(|shard| key(shard, 1, 60_000))).unwrap(), all);
    CassandraStore::open(&address).unwrap().open_epoch().unwrap();
    assert_eq!(joined.join_epoch(1).unwrap_err().exit_code(), 4);
    assert_eq!(joined.put_segments(1, 120_000, &[(0, b"late")]).unwrap_err().exit_code(), 4);
}

/// All cells of the tables of rows: values, write timestamps, times to live.
fn cells(plain: &Plain) -> Vec<String> {
    let indicators = dataflows::output::to_f64::INDICATOR_COLUMNS.join(" ");
    let indicators = format!("{indicators} candles cumulative_trades as_of");
    let candle = "open high low close volume notional vwap trades as_of";
    let mut all = Vec::new();
    for (table, columns) in Resolution::ALL
        .map(|resolution| (format!("candles_{}", resolution.name()), candle))
        .into_iter()
        .chain([("indicators_5s".to_owned(), indicators.as_str())])
        .chain([("rejected".to_owned(), "reason original original_bytes_total as_of")])
        .chain([("gaps".to_owned(), "source gap_end cause as_of")])
    {
        for column in columns.split(' ') {
            let rows = plain.rows(&format!("SELECT {column}, WRITETIME({column}), as_of FROM {table}"));
            assert!(!rows.is_empty(), "{table}");
            for row in rows {
                let [Some(value), Some(written), Some(as_of)] = &row.columns[..] else {
                    panic!("{table}.{column} holds a null: {row:?}");
                };
                let CqlTimestamp(as_of) = as_of.as_cql_timestamp().unwrap();
                assert_eq!(written.as_bigint().unwrap() as u64, write_us(as_of as u64), "{table}.{column}");
                all.push(format!("{table} {column} {value:?} {written:?}"));
            }
        }
    }
    all.sort_unstable();
    all
}

#[test]
fn replay_writes_same_cells_without_tombstones() {
    let address = made();
    let plain = Plain::open(&address);
    let mut rows = batch();
    rows.candles.extend((0..300).map(|n| candle("B:X", Resolution::S5, 11 * DAY_MS + n * 5_000, 7, 9_000 + n)));
    for n in 11..20 {
        rows.candles.extend(Resolution::ALL.map(|resolution| candle("B:X", resolution, n * DAY_MS, 7, 9_000)));
        let last = rows.indicators[0].clone();
        rows.indicators.push(IndicatorRow { window_start_ms: last.window_start_ms + n * 5_000, ..last });
    }
    CassandraStore::open(&address).unwrap().write(&rows).unwrap();
    let first = cells(&plain);
    assert!(first.len() > 300 * 9, "{}", first.len());
    CassandraStore::open(&address).unwrap().write(&rows).unwrap();
    assert_eq!(cells(&plain), first);
    let lives: Vec<i32> = plain.column("SELECT TTL(open) FROM candles_5s");
    assert!(lives.iter().all(|seconds| (1..=30 * 86_400).contains(seconds)), "only the table's time to live");
    // The node logs no warning about our batches, but does about a larger one.
    let log = || std::fs::read_to_string(node::shared().server.dir.join("server.log")).unwrap();
    let of_batches = || log().matches(&format!("[{}.", address.keyspace)).count();
    assert_eq!(of_batches(), 0, "{}", log());
    let insert = |symbol| format!("INSERT INTO symbols (symbol, name) VALUES ('{symbol}', '{}');", "x".repeat(3_000));
    plain.execute(&format!("BEGIN UNLOGGED BATCH {} {} APPLY BATCH", insert("A"), insert("B")));
    assert_eq!(of_batches(), 1, "{}", log());
    // Tombstones per read by table: the node's minimum is one, even without any.
    let tombstones = || -> BTreeMap<String, f64> {
        let seen = "SELECT table_name, max FROM system_views.tombstones_per_read WHERE keyspace_name";
        plain.typed(&format!("{seen} = '{}' ALLOW FILTERING", address.keyspace)).into_iter().collect()
    };
    let seen = tombstones();
    let tables = Resolution::ALL.map(table::candles).into_iter().chain(["indicators_5s", "rejected"]);
    tables.for_each(|table| assert!(seen[table] <= 1.0, "{table}: up to {} tombstones in a read", seen[table]));
    // A positive check: nulls in as many rows as the smallest of these tables has.
    for item in 0..3 {
        let key = "log_partition, bucket, log_offset, item";
        plain.execute(&format!("INSERT INTO rejected ({key}, reason) VALUES (1, 0, 0, {item}, null)"));
    }
    plain.rows("SELECT reason FROM rejected");
    assert!(tombstones()["rejected"] > 1.0);
}

#[test]
fn expired_windows_are_not_written_again() {
    let address = made();
    let mut store = CassandraStore::open(&address).unwrap();
    let (epoch, _) = store.open_epoch().unwrap();
    let rows = |price| -> RowBatch {
        // 5 s candles live for 30 days, daily ones for ever.
        let days = [99_u64, 100, 130].map(|day| candle("A", Resolution::D1, day * DAY_MS, price, 1));
        let ends = [100 * DAY_MS - 10_000, 100 * DAY_MS - 5_000, 130 * DAY_MS];
        candles(days.into_iter().chain(ends.map(|start| candle("A", Resolution::S5, start, price, 1))).collect())
    };
    let starts = |resolution| -> Vec<u64> {
        let mut reader = CassandraReader::open(&address).unwrap();
        reader.candles("A", resolution, ALL).unwrap().iter().map(|row| row.window_start_ms).collect()
    };
    // Before anything is published, history of any age is written.
    store.write(&candles(vec![candle("B", Resolution::S5, 0, 1, 1), candle("B", Resolution::D1, 0, 1, 1)])).unwrap();
    assert_eq!(CassandraReader::open(&address).unwrap().candles("B", Resolution::S5, ALL).unwrap().len(), 1);
    store.commit_frontier(&durable(130 * DAY_MS, 1, epoch), &[]).unwrap();
    drop(store);
    let mut replaying = CassandraStore::open(&address).unwrap();
    replaying.write(&rows(1)).unwrap();
    assert_eq!(
        starts(Resolution::S5),
        [100 * DAY_MS - 5_000, 130 * DAY_MS],
        "a window that ends at the limit is written"
    );
    assert_eq!(starts(Resolution::D1), [99 * DAY_MS, 100 * DAY_MS, 130 * DAY_MS]);
}

#[test]
fn readers_see_only_published_rows() {
    let address = made();
    let plain = Plain::open(&address);
    let mut store = CassandraStore::open(&address).unwrap();
    let (epoch, _) = store.open_epoch().unwrap();
    let mut reader = CassandraReader::open(&address).unwrap();
    assert_eq!(reader.frontier().unwrap(), None, "an empty register is not a frontier");
    let kept: Vec<_> = (1..=50_000).step_by(1_000).map(|minute| row(minute * 60_000, minute.into())).collect();
    store.commit_frontier(&durable(50_000 * 60_000, 1, epoch), &kept).unwrap();
    // The state after a writer ends between the two writes.
    let columns = "pipeline, bucket, frontier, digest, rows, counters, revision";
    let values = "'tickline', '1970-02-01', 3000000060000, '0', 0, '{}', 0";
    plain.execute(&format!("INSERT INTO frontier_history ({columns}) VALUES ({values})"));
    assert_eq!(reader.frontiers().unwrap(), kept, "over two months");
    plain.execute(
        "UPDATE frontier_history SET digest = '0' WHERE pipeline = 'tickline' AND bucket = '1970-01-01' AND \
                   frontier = 60000",
    );
    let error = reader.frontiers().unwrap_err();
    assert!(error.exit_code() == 3 && error.to_string().contains("60000"), "{error}");
}

#[test]
fn a_segment_with_a_missing_chunk_is_an_error() {
    let address = made();
    let plain = Plain::open(&address);
    let mut store = CassandraStore::open(&address).unwrap();
    let (epoch, _) = store.open_epoch().unwrap();
    let bytes: Vec<u8> = (0..1_600_000_u32).map(|n| (n % 253) as u8).collect();
    store.put_segments(epoch, 5_000, &[(200, &bytes)]).unwrap();
    store.commit_checkpoint(epoch, &checkpoint(5_000), &[]).unwrap();
    assert_eq!(store.segments(&[key(200, epoch, 5_000)]).unwrap(), [bytes]);
    let chunks: Vec<i64> = plain.column("SELECT chunk FROM checkpoint_segments");
    assert_eq!(chunks, [0, 1, 2, 3]);
    for (chunk, left) in [(3, 3), (0, 2)] {
        plain.execute(&format!(
            "DELETE FROM checkpoint_segments WHERE pipeline = 'tickline' AND shard = 200 AND epoch = {epoch} AND \
             frontier = 5000 AND chunk = {chunk}"
        ));
        let error = store.segments(&[key(200, epoch, 5_000)]).unwrap_err();
        let text = error.to_string();
        assert!(error.exit_code() == 3 && text.contains(&format!("{left} of 4 chunks")), "{text}");
    }
}

/// The error with which neither a writer nor a reader opens; exit code 2.
fn open_error(address: &CassandraAddress) -> String {
    let writer = CassandraStore::open(address).unwrap_err();
    let reader = CassandraReader::open(address).unwrap_err();
    assert_eq!((writer.exit_code(), reader.exit_code()), (2, 2), "{writer}");
    assert_eq!(writer.to_string(), reader.to_string());
    writer.to_string()
}

#[test]
fn table_differences_are_reported() {
    let address = missing();
    let text = open_error(&address);
    assert!(text.contains("its tables do not exist") && text.contains("tickline setup --store"), "{text}");
    set_up(&address, 1).unwrap();
    set_up(&address, 1).unwrap();
    let plain = Plain::open(&address);
    plain.execute("ALTER TABLE candles_5s ADD mood text");
    drop(CassandraStore::open(&address).unwrap());
    plain.execute("DROP TABLE epochs");
    plain.execute("ALTER TABLE symbols DROP mic");
    plain.execute("DROP TABLE meta");
    plain.execute("CREATE TABLE meta (name text, value int, PRIMARY KEY (name))");
    let text = open_error(&address);
    for words in
        ["table epochs is missing", "column symbols.mic is missing", "meta.value is int (regular) instead of bigint"]
    {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    plain.execute("DROP TABLE meta");
    plain.execute("ALTER TABLE symbols ADD mic text");
    set_up(&address, 1).unwrap();
    plain.execute("UPDATE meta SET value = 99 WHERE name = 'schema'");
    let text = open_error(&address);
    assert!(text.contains("version 99"), "{text}");
}
