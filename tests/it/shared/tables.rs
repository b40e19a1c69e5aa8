//! The store as any SQLite client sees it.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

/// Tables whose rows follow entirely from the log.
pub const ROWS: [&str; 8] =
    ["candles_5s", "candles_1m", "candles_5m", "candles_1h", "candles_1d", "indicators_5s", "rejected", "gaps"];

/// Durable progress of a store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The last epoch.
    pub epoch: u64,
    /// The durable frontier.
    pub frontier: Option<u64>,
    /// Epoch and frontier of the committed checkpoint.
    pub checkpoint: Option<(u64, u64)>,
}

pub fn open(path: &Path) -> Connection {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    connection.busy_timeout(Duration::from_secs(60)).unwrap();
    connection
}

pub fn change(path: &Path, sql: &str) -> usize {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(60)).unwrap();
    connection.execute(sql, []).unwrap()
}

/// Rows of a query, every value exact and with its type.
pub fn rows(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let text = |value| match value {
        Value::Real(double) => format!("{double:?}"),
        other => format!("{other:?}"),
    };
    let row = |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get(at).map(text)).collect::<Result<Vec<_>, _>>();
    statement.query_map([], row).unwrap().map(|row| row.unwrap().join("|")).collect()
}

/// All contents of a store that follow from the log: rows, and frontier rows without their epoch.
pub fn all(path: &Path) -> Vec<(String, Vec<String>)> {
    let connection = open(path);
    let decided = "frontier, digest, rows, counters, revision";
    let mut queries: Vec<String> =
        ROWS.iter().map(|table| format!("SELECT * FROM {table} ORDER BY 1, 2, 3, 4")).collect();
    queries.extend(["frontier", "frontier_history"].map(|table| format!("SELECT {decided} FROM {table} ORDER BY 1")));
    queries.into_iter().map(|query| (query.clone(), rows(&connection, &query))).collect()
}

/// Asserts that two stores have the same contents.
pub fn assert_same(ours: &Path, theirs: &Path) {
    for ((query, ours), (_, theirs)) in all(ours).into_iter().zip(all(theirs)) {
        let differs = ours.iter().zip(&theirs).find(|(a, b)| a != b);
        assert!(
            differs.is_none() && ours.len() == theirs.len(),
            "{query}: {} {}: {differs:?}",
            ours.len(),
            theirs.len()
        );
    }
}

/// Progress of a store; empty while it has no tables.
pub fn progress(path: &Path) -> Progress {
    if !path.exists() {
        return Progress::default();
    }
    let connection = open(path);
    let made = "SELECT count(*) FROM sqlite_schema WHERE name = 'meta'";
    // A writer may be creating the file.
    if connection.query_row(made, [], |row| row.get::<_, u64>(0)).unwrap_or(0) == 0 {
        return Progress::default();
    }
    let one = |sql| connection.query_row(sql, [], |row| row.get(0)).optional().unwrap();
    let pair = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let checkpoint = connection.query_row("SELECT epoch, frontier FROM checkpoints", [], pair).optional().unwrap();
    Progress {
        epoch: one("SELECT epoch FROM epochs").unwrap_or(0),
        frontier: one("SELECT frontier FROM frontier"),
        checkpoint,
    }
}
