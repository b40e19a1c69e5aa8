//! Identity of the store, in the table `identity`.

use rusqlite::{Connection, Transaction, params};

use super::error::Failure;
use crate::store::StoreIdentity;

/// Replaces the identity.
pub fn write(transaction: &Transaction, identity: &StoreIdentity) -> Result<(), Failure> {
    let mut statement = transaction.prepare_cached("INSERT OR REPLACE INTO identity (name, value) VALUES (?1, ?2)")?;
    for (name, value) in identity.rows() {
        statement.execute(params![name, value])?;
    }
    Ok(())
}

/// Reads the identity; `None` before the first start of a worker.
pub fn read(connection: &Connection) -> Result<Option<StoreIdentity>, Failure> {
    let mut statement = connection.prepare_cached("SELECT name, value FROM identity")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(StoreIdentity::from_rows(rows.collect::<rusqlite::Result<Vec<(String, String)>>>()?))
}
