//! The durable frontier, and the frontier rows that are kept for `verify`.

use std::cmp::Ordering;

use dataflows::output::frontier_row::FrontierRow;
use dataflows::settings::PIPELINE_REVISION;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::error::Failure;
use super::write_rows::int;
use crate::store::DurableFrontier;
use crate::store::frontier_row::{HeldRow, counters_text, precedence};

/// Columns of a [`FrontierRow`], in the order in which [`row_of`] reads them.
const COLUMNS: &str = "frontier, digest, rows, counters, revision";

/// Publishes the durable frontier unless a later one is published.
pub fn publish(transaction: &Transaction, durable: &DurableFrontier) -> Result<(), Failure> {
    if let Some((old, revision)) = one(transaction, "frontier WHERE one = 1", [])?
        && precedence(&old, revision, &durable.row)? == Ordering::Greater
    {
        return Ok(());
    }
    let sql = "INSERT OR REPLACE INTO frontier (one, frontier, digest, rows, counters, epoch, revision, resume) \
               VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let row = &durable.row;
    transaction.prepare_cached(sql)?.execute(params![
        int(row.frontier),
        row.digest.to_string(),
        row.rows,
        counters_text(&row.counters),
        int(durable.epoch),
        int(PIPELINE_REVISION),
        durable.resume,
    ])?;
    Ok(())
}

/// Keeps the row of one minute unless it exists; an existing one must be the same.
pub fn keep(transaction: &Transaction, row: &FrontierRow) -> Result<(), Failure> {
    if let Some((old, revision)) = one(transaction, "frontier_history WHERE frontier = ?1", params![int(row.frontier)])?
        && precedence(&old, revision, row)? != Ordering::Less
    {
        return Ok(());
    }
    let sql = "INSERT OR REPLACE INTO frontier_history (frontier, digest, rows, counters, revision) \
               VALUES (?1, ?2, ?3, ?4, ?5)";
    transaction.prepare_cached(sql)?.execute(params![
        int(row.frontier),
        row.digest.to_string(),
        row.rows,
        counters_text(&row.counters),
        int(PIPELINE_REVISION),
    ])?;
    Ok(())
}

/// The durable frontier.
pub fn durable(connection: &Connection) -> Result<Option<DurableFrontier>, Failure> {
    let sql = format!("SELECT {COLUMNS}, epoch, resume FROM frontier WHERE one = 1");
    let found = connection
        .prepare_cached(&sql)?
        .query_row([], |row| Ok((row_of(row)?, row.get::<_, u64>(5)?, row.get::<_, String>(6)?)))
        .optional()?;
    let Some((held, epoch, resume)) = found else { return Ok(None) };
    Ok(Some(DurableFrontier { row: held.decode()?, epoch, resume }))
}

/// All kept rows, ascending.
pub fn kept(connection: &Connection) -> Result<Vec<FrontierRow>, Failure> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM frontier_history ORDER BY frontier"))?;
    let mut all = Vec::new();
    for held in statement.query_map([], row_of)? {
        all.push(held?.decode()?);
    }
    Ok(all)
}

fn one(
    connection: &Connection,
    from: &str,
    params: impl rusqlite::Params,
) -> Result<Option<(FrontierRow, u64)>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM {from}");
    let held = connection.prepare_cached(&sql)?.query_row(params, row_of).optional()?;
    let Some(held) = held else { return Ok(None) };
    let revision = held.revision;
    Ok(Some((held.decode()?, revision)))
}

fn row_of(row: &Row) -> rusqlite::Result<HeldRow> {
    Ok(HeldRow {
        frontier: row.get(0)?,
        digest: row.get(1)?,
        rows: row.get(2)?,
        counters: row.get(3)?,
        revision: row.get(4)?,
    })
}
