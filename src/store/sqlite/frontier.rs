//! The durable frontier, and the frontier rows that are kept for `verify`.

use std::collections::BTreeMap;

use dataflows::digest::Digest;
use dataflows::frontier::FrontierRow;
use dataflows::settings::PIPELINE_REVISION;
use dataflows::tally::{TALLIES, Tally};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::fail::Failure;
use super::rows::int;
use crate::store::DurableFrontier;

/// The columns that make a [`FrontierRow`], in the order that [`row_of`] reads.
const COLUMNS: &str = "frontier, digest, rows, tallies, epoch, revision";

/// Publishes the durable frontier, unless a later one is published already.
pub fn publish(transaction: &Transaction, durable: &DurableFrontier) -> Result<(), Failure> {
    if let Some((old, epoch, revision)) = one(transaction, "frontier WHERE one = 1", [])? {
        if revision > PIPELINE_REVISION || (revision == PIPELINE_REVISION && old.frontier > durable.row.frontier) {
            return Ok(());
        }
        if revision == PIPELINE_REVISION && old.frontier == durable.row.frontier {
            compare(&old, epoch, &durable.row, durable.epoch)?;
        }
    }
    let sql = "INSERT OR REPLACE INTO frontier (one, frontier, digest, rows, tallies, epoch, revision, resume) \
               VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let row = &durable.row;
    transaction.prepare_cached(sql)?.execute(params![
        int(row.frontier),
        row.digest.to_string(),
        row.rows,
        tallies_text(&row.tallies),
        int(durable.epoch),
        int(PIPELINE_REVISION),
        durable.resume,
    ])?;
    Ok(())
}

/// Keeps the row of one minute, or finds the same one there.
pub fn keep(transaction: &Transaction, row: &FrontierRow, epoch: u64) -> Result<(), Failure> {
    let old = one(transaction, "frontier_history WHERE frontier = ?1", params![int(row.frontier)])?;
    match old {
        Some((_, _, revision)) if revision > PIPELINE_REVISION => return Ok(()),
        Some((old, old_epoch, revision)) if revision == PIPELINE_REVISION => {
            return compare(&old, old_epoch, row, epoch);
        }
        _ => {}
    }
    let sql = "INSERT OR REPLACE INTO frontier_history (frontier, digest, rows, tallies, epoch, revision) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    transaction.prepare_cached(sql)?.execute(params![
        int(row.frontier),
        row.digest.to_string(),
        row.rows,
        tallies_text(&row.tallies),
        int(epoch),
        int(PIPELINE_REVISION),
    ])?;
    Ok(())
}

/// The durable frontier.
pub fn durable(connection: &Connection) -> Result<Option<DurableFrontier>, Failure> {
    let sql = format!("SELECT {COLUMNS}, resume FROM frontier WHERE one = 1");
    let found = connection
        .prepare_cached(&sql)?
        .query_row([], |row| Ok((row_of(row)?, row.get::<_, String>(6)?)))
        .optional()?;
    let Some((raw, resume)) = found else { return Ok(None) };
    let (row, epoch, _) = raw.decode()?;
    Ok(Some(DurableFrontier { row, epoch, resume }))
}

/// All kept rows, ascending.
pub fn kept(connection: &Connection) -> Result<Vec<FrontierRow>, Failure> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM frontier_history ORDER BY frontier"))?;
    let mut all = Vec::new();
    for raw in statement.query_map([], row_of)? {
        all.push(raw?.decode()?.0);
    }
    Ok(all)
}

fn compare(old: &FrontierRow, old_epoch: u64, new: &FrontierRow, new_epoch: u64) -> Result<(), Failure> {
    if old == new {
        return Ok(());
    }
    Err(Failure::Corrupt {
        what: format!(
            "as of frontier {} epoch {old_epoch} wrote digest {} ({} rows), and epoch {new_epoch} finds digest {} ({} \
             rows)",
            old.frontier, old.digest, old.rows, new.digest, new.rows
        ),
        hint: "the log, its settings or the program are not those that this store was made with: bring them back, or \
               work into a new store"
            .to_string(),
    })
}

fn one(
    connection: &Connection,
    from: &str,
    params: impl rusqlite::Params,
) -> Result<Option<(FrontierRow, u64, u64)>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM {from}");
    let raw = connection.prepare_cached(&sql)?.query_row(params, row_of).optional()?;
    raw.map(Raw::decode).transpose()
}

/// A row as the table holds it.
struct Raw {
    frontier: u64,
    digest: String,
    rows: i64,
    tallies: String,
    epoch: u64,
    revision: u64,
}

fn row_of(row: &Row) -> rusqlite::Result<Raw> {
    Ok(Raw {
        frontier: row.get(0)?,
        digest: row.get(1)?,
        rows: row.get(2)?,
        tallies: row.get(3)?,
        epoch: row.get(4)?,
        revision: row.get(5)?,
    })
}

impl Raw {
    fn decode(self) -> Result<(FrontierRow, u64, u64), Failure> {
        let Self { frontier, digest, rows, tallies, epoch, revision } = self;
        let bad = |what: &str| Failure::corrupt(format!("the frontier row of {frontier} holds {what}"));
        if digest.len() != 32 {
            return Err(bad("a digest that is none"));
        }
        let digest = u128::from_str_radix(&digest, 16).map_err(|_| bad("a digest that is none"))?;
        let named: BTreeMap<String, u64> = serde_json::from_str(&tallies).map_err(|_| bad("tallies that are none"))?;
        let mut tallies = vec![0; TALLIES];
        for tally in Tally::all() {
            tallies[tally.index()] = named.get(&tally.name()).copied().unwrap_or(0);
        }
        Ok((FrontierRow { frontier, digest: Digest(digest), rows, tallies }, epoch, revision))
    }
}

/// The counts as a JSON object by name, in the order of the names.
fn tallies_text(tallies: &[u64]) -> String {
    let named: BTreeMap<String, u64> =
        Tally::all().map(|tally| (tally.name(), tallies.get(tally.index()).copied().unwrap_or(0))).collect();
    let fields = named.iter().map(|(name, count)| format!("\"{name}\":{count}"));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}
