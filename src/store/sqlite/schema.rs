//! The tables, shaped as in Cassandra: the partition key (symbol, bucket) there is a key prefix here.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use dataflows::output::to_f64::INDICATOR_COLUMNS;
use dataflows::progress::time::Resolution;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::Failure;
use crate::store::table;

/// Schema version of this program.
const SCHEMA: u64 = 5;

/// SQLite busy timeout.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

const OTHERS: &str = "
CREATE TABLE rejected (
    log_partition INTEGER NOT NULL, log_offset INTEGER NOT NULL, item INTEGER NOT NULL, reason TEXT NOT NULL,
    original BLOB NOT NULL, original_bytes_total INTEGER NOT NULL, as_of INTEGER NOT NULL, write_us INTEGER NOT NULL,
    PRIMARY KEY (log_partition, log_offset, item)) STRICT, WITHOUT ROWID;
CREATE TABLE gaps (
    bucket INTEGER NOT NULL, gap_start INTEGER NOT NULL, log_partition INTEGER NOT NULL, log_offset INTEGER NOT NULL,
    source TEXT NOT NULL, gap_end INTEGER NOT NULL, cause TEXT NOT NULL, as_of INTEGER NOT NULL,
    write_us INTEGER NOT NULL,
    PRIMARY KEY (bucket, gap_start, log_partition, log_offset)) STRICT, WITHOUT ROWID;
CREATE TABLE heartbeats (
    one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, written_at INTEGER NOT NULL,
    life TEXT NOT NULL) STRICT;
CREATE TABLE frontier (
    one INTEGER PRIMARY KEY CHECK (one = 1), frontier INTEGER NOT NULL, digest TEXT NOT NULL, rows INTEGER NOT NULL,
    counters TEXT NOT NULL, epoch INTEGER NOT NULL, revision INTEGER NOT NULL, resume TEXT NOT NULL) STRICT;
CREATE TABLE frontier_history (
    frontier INTEGER PRIMARY KEY, digest TEXT NOT NULL, rows INTEGER NOT NULL, counters TEXT NOT NULL,
    revision INTEGER NOT NULL) STRICT;
CREATE TABLE checkpoints (
    one INTEGER PRIMARY KEY CHECK (one = 1), frontier INTEGER NOT NULL, epoch INTEGER NOT NULL,
    header BLOB NOT NULL) STRICT;
CREATE TABLE checkpoint_segments (
    epoch INTEGER NOT NULL, frontier INTEGER NOT NULL, shard INTEGER NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (epoch, frontier, shard)) STRICT;
CREATE TABLE epochs (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL) STRICT;
INSERT INTO epochs VALUES (1, 0);
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE symbols (
    symbol TEXT PRIMARY KEY, display_symbol TEXT NOT NULL, name TEXT NOT NULL, market TEXT NOT NULL,
    exchange TEXT NOT NULL, mic TEXT NOT NULL, currency TEXT NOT NULL, security_type TEXT NOT NULL, figi TEXT NOT NULL,
    isin TEXT NOT NULL, status TEXT NOT NULL, renamed_to TEXT NOT NULL, first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL, as_of INTEGER NOT NULL, write_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// Opens the file for writing, and creates the tables in a new one.
pub fn open_writer(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let tables: u64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        transaction.execute_batch(&tables_sql())?;
        transaction.execute("INSERT INTO meta VALUES ('schema', ?1)", [SCHEMA])?;
    } else {
        check(&transaction)?;
    }
    transaction.commit()?;
    Ok(connection)
}

/// Opens the file for reading only.
pub fn open_reader(path: &Path, limit: Duration) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(limit)?;
    connection.set_prepared_statement_cache_capacity(64);
    check(&connection)?;
    Ok(connection)
}

fn check(connection: &Connection) -> Result<(), Failure> {
    let ours = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'meta'";
    if connection.query_row(ours, [], |row| row.get::<_, u64>(0))? == 0 {
        return Err(Failure::Other("it is a SQLite file but not a Tickline store: choose another path".to_string()));
    }
    let found: u64 = connection.query_row("SELECT value FROM meta WHERE name = 'schema'", [], |row| row.get(0))?;
    if found == SCHEMA {
        return Ok(());
    }
    let why = format!(
        "its tables have version {found}, but this program needs version {SCHEMA}: use the program that created it, or \
         process the log again into a new store"
    );
    Err(Failure::Other(why))
}

fn tables_sql() -> String {
    let mut sql = String::from(OTHERS);
    let key = "symbol TEXT NOT NULL, bucket INTEGER NOT NULL, window_start INTEGER NOT NULL";
    let end = "as_of INTEGER NOT NULL, write_us INTEGER NOT NULL, PRIMARY KEY (symbol, bucket, window_start)) \
               STRICT, WITHOUT ROWID;\n";
    for resolution in Resolution::ALL {
        let name = table::candles(resolution);
        let values = "open REAL NOT NULL, high REAL NOT NULL, low REAL NOT NULL, close REAL NOT NULL, \
                      volume REAL NOT NULL, notional REAL NOT NULL, vwap REAL NOT NULL, trades INTEGER NOT NULL";
        // Writing to a String cannot fail.
        let _ = write!(sql, "CREATE TABLE {name} ({key}, {values}, {end}");
    }
    let values = INDICATOR_COLUMNS.map(|name| format!("{name} REAL NOT NULL")).join(", ");
    let counts = "candles INTEGER NOT NULL, cumulative_trades INTEGER NOT NULL";
    let _ = write!(sql, "CREATE TABLE indicators_5s ({key}, {values}, {counts}, {end}");
    sql
}
