//! Tests of only the SQLite store: one file, one process, plain tables, and errors on damage.

use std::fs;
use std::path::{Path, PathBuf};

use dataflows::progress::time::Resolution;
use dataflows::settings::PIPELINE_REVISION;
use rusqlite::Connection;
use tickline::exit_code::ExitCode as _;
use tickline::store::sqlite::{SqliteReader, SqliteStore};
use tickline::store::{Range, RowBatch, Store, StoreError, StoreReader};

use super::suite::{batch, candle, checkpoint, durable, key, row};

const ALL: Range = Range { from_ms: 0, to_ms: u64::MAX, limit: usize::MAX };

fn home() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("deep/er/store.db");
    (home, path)
}

#[test]
fn one_process_holds_the_lock() {
    let (_home, path) = home();
    let mut first = SqliteStore::open(&path).unwrap();
    first.open_epoch().unwrap();
    let mut second = SqliteStore::open(&path).unwrap();
    let error = second.open_epoch().unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }) && error.exit_code() == 1);
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    assert_eq!(first.open_epoch().unwrap().0, 2, "the holder may open another epoch");
    drop(first);
    assert_eq!(second.open_epoch().unwrap().0, 3);
}

#[test]
fn readers_see_whole_batches_while_the_writer_writes() {
    let (_home, path) = home();
    let mut store = SqliteStore::open(&path).unwrap();
    let writer = std::thread::spawn(move || {
        for n in 0..50 {
            let rows = (0..20).map(|s| candle(&format!("S{s:02}"), Resolution::M1, n * 60_000, 1, 1)).collect();
            store.write(&RowBatch { candles: rows, ..RowBatch::default() }).unwrap();
        }
    });
    let mut reader = SqliteReader::open(&path).unwrap();
    while !writer.is_finished() {
        let first = reader.candles("S00", Resolution::M1, ALL).unwrap().len();
        let last = reader.candles("S19", Resolution::M1, ALL).unwrap().len();
        assert!(first <= last, "the second look is later: {first} and {last}");
    }
    writer.join().unwrap();
    assert_eq!(reader.candles("S19", Resolution::M1, ALL).unwrap().len(), 50);
}

#[test]
fn the_tables_are_plain() {
    let (_home, path) = home();
    let mut store = SqliteStore::open(&path).unwrap();
    let (epoch, _) = store.open_epoch().unwrap();
    store.write(&batch()).unwrap();
    store.commit_frontier(&durable(61_000, 255, epoch), &[row(60_000, 1)]).unwrap();
    store.put_segments(epoch, 61_000, &[(9, b"x")]).unwrap();
    store.put_segments(epoch, 60_000, &[(9, b"left over")]).unwrap();
    store.commit_checkpoint(epoch, &checkpoint(61_000), &[key(9, epoch, 60_000)]).unwrap();
    let plain = Connection::open(&path).unwrap();
    let text = |sql: &str| plain.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let day = "SELECT printf('%s %d %d %s %d', symbol, bucket, window_start, open, write_us) FROM candles_5s";
    assert_eq!(text(day), format!("B:X 864000000 864000000 10.0 900000{PIPELINE_REVISION}"));
    assert_eq!(text("SELECT printf('%d %d', bucket, trades) FROM candles_1m"), "864000000 7");
    assert_eq!(text("SELECT printf('%s %d', candles, sma_12 * 10) FROM indicators_5s"), "2 15");
    assert_eq!(text("SELECT reason FROM rejected WHERE log_offset = 7"), "bad_price");
    assert_eq!(text("SELECT digest FROM frontier"), format!("{:032x}", 255));
    assert_eq!(text("SELECT counters ->> 'rejected_too_far_ahead' || '' FROM frontier_history"), "2");
    assert_eq!(text("SELECT group_concat(frontier) || '' FROM checkpoint_segments"), "61000");
    assert_eq!(text("PRAGMA journal_mode"), "wal");
}

#[test]
fn acknowledged_writes_survive_a_crash() {
    let (home, path) = home();
    let mut store = SqliteStore::open(&path).unwrap();
    let (epoch, _) = store.open_epoch().unwrap();
    store.write(&batch()).unwrap();
    store.put_segments(epoch, 5_000, &[(1, b"segment")]).unwrap();
    store.commit_checkpoint(epoch, &checkpoint(5_000), &[]).unwrap();
    // A copy of the files before the writer has closed them.
    let copy = home.path().join("copy.db");
    for end in ["", "-wal"] {
        fs::copy(format!("{}{end}", path.display()), format!("{}{end}", copy.display())).unwrap();
    }
    let mut store = SqliteStore::open(&copy).unwrap();
    assert_eq!(store.open_epoch().unwrap(), (2, Some(checkpoint(5_000))));
    assert_eq!(store.segments(&[key(1, epoch, 5_000)]).unwrap(), [b"segment"]);
    assert_eq!(SqliteReader::open(&copy).unwrap().candles("B:X", Resolution::S5, ALL).unwrap().len(), 1);
}

#[test]
fn reader_needs_an_existing_store() {
    let (_home, path) = home();
    let error = SqliteReader::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }) && error.exit_code() == 2);
    assert!(!path.exists(), "a reader makes nothing");
}

fn exit_codes(path: &Path) -> [(u8, String); 2] {
    let writer = SqliteStore::open(path).unwrap_err();
    let reader = SqliteReader::open(path).unwrap_err();
    [writer, reader].map(|e| (e.exit_code(), e.to_string()))
}

#[test]
fn other_files_are_rejected() {
    let (home, _) = home();
    let path = home.path().join("garbage.db");
    fs::write(&path, "no database at all\n".repeat(1_000)).unwrap();
    for (code, text) in exit_codes(&path) {
        assert!(code == 3 && text.contains("garbage.db") && text.contains("damaged"), "{text}");
    }
    let path = home.path().join("other.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
    for (code, text) in exit_codes(&path) {
        assert!(code == 1 && text.contains("not a Tickline store"), "{text}");
    }
    let path = home.path().join("newer.db");
    drop(SqliteStore::open(&path).unwrap());
    Connection::open(&path).unwrap().execute_batch("UPDATE meta SET value = 99").unwrap();
    for (code, text) in exit_codes(&path) {
        assert!(code == 1 && text.contains("version 99"), "{text}");
    }
    let path = home.path().join("directory.db");
    fs::create_dir(&path).unwrap();
    for (code, text) in exit_codes(&path) {
        assert!(code == 1 && text.contains("check the path"), "{text}");
    }
}

#[test]
fn damaged_file_is_an_error() {
    let (_home, path) = home();
    let rows = || (0..5_000).map(|n| candle("A", Resolution::S5, n * 5_000, 1, 1)).collect();
    SqliteStore::open(&path).unwrap().write(&RowBatch { candles: rows(), ..RowBatch::default() }).unwrap();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let read = || SqliteReader::open(&path)?.candles("A", Resolution::S5, ALL);
    assert_eq!(read().unwrap_err().exit_code(), 3);
    let mut torn = whole.clone();
    let middle = torn.len() / 2;
    torn[middle..middle + 16_384].fill(0xAA);
    fs::write(&path, torn).unwrap();
    assert_eq!(read().unwrap_err().exit_code(), 3);
    fs::write(&path, whole).unwrap();
    assert_eq!(read().unwrap().len(), 5_000);
}

#[test]
fn damaged_frontier_row_is_named() {
    let (_home, path) = home();
    let mut store = SqliteStore::open(&path).unwrap();
    let (epoch, _) = store.open_epoch().unwrap();
    store.commit_frontier(&durable(1_000, 1, epoch), &[]).unwrap();
    for change in ["digest = 'xyz'", "counters = '{'", "frontier = -5"] {
        Connection::open(&path).unwrap().execute_batch(&format!("UPDATE frontier SET {change}")).unwrap();
        let error = SqliteReader::open(&path).unwrap().frontier().unwrap_err();
        assert_eq!(error.exit_code(), 3, "{change}: {error}");
    }
}
