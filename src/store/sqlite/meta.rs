//! The table `meta`: numbers by name, such as the settings of the pipeline.

use rusqlite::{Connection, Transaction, params};

use super::error::Failure;
use super::write_rows::int;
/// Replaces some of them.
pub fn write(transaction: &Transaction, rows: &[(&'static str, u64)]) -> Result<(), Failure> {
    let mut statement = transaction.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?;
    for (name, value) in rows {
        statement.execute(params![name, int(*value)])?;
    }
    Ok(())
}

/// All of them.
pub fn read(connection: &Connection) -> Result<Vec<(String, u64)>, Failure> {
    let mut statement = connection.prepare_cached("SELECT name, value FROM meta")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<Vec<(String, u64)>>>()?)
}
