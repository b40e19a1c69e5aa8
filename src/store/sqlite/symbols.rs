//! The symbol table: one row per symbol, absolute, never null. An older entry never overwrites a newer one.

use dataflows::symbols::entry::{Entry, Market, Status};
use rusqlite::{Connection, Row, Transaction, params};

use super::error::Failure;
use super::write_rows::{int, upsert};
use crate::store::table::SYMBOL_VALUES;
use crate::store::write_us;

/// Writes entries under their symbols. An existing entry with the same or a later `as_of` stays.
pub fn write(transaction: &Transaction, entries: &[Entry]) -> Result<(), Failure> {
    let sql = upsert("symbols", "symbol", SYMBOL_VALUES).replace("excluded.write_us >=", "excluded.write_us >");
    let mut statement = transaction.prepare_cached(&sql)?;
    for entry in entries {
        statement.execute(params![
            entry.symbol.as_str(),
            entry.display_symbol.as_str(),
            entry.name.as_str(),
            entry.market.name(),
            entry.exchange.as_str(),
            entry.mic.as_str(),
            entry.currency.as_str(),
            entry.security_type.as_str(),
            entry.figi.as_str(),
            entry.isin.as_str(),
            entry.status.name(),
            entry.renamed_to.as_str(),
            int(entry.first_seen_ms),
            int(entry.last_seen_ms),
            int(entry.as_of_ms),
            int(write_us(entry.as_of_ms)),
        ])?;
    }
    Ok(())
}

/// Entries that pass the filter, ascending by symbol.
pub fn read(connection: &Connection, wanted: &mut dyn FnMut(&Entry) -> bool) -> Result<Vec<Entry>, Failure> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT symbol, {SYMBOL_VALUES} FROM symbols ORDER BY symbol"))?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let entry = entry(row)?;
        if wanted(&entry) {
            all.push(entry);
        }
    }
    Ok(all)
}

fn entry(row: &Row) -> Result<Entry, Failure> {
    let text = |at: usize| row.get_ref(at).and_then(|value| Ok(value.as_str()?.into()));
    let (market, status): (String, String) = (row.get(3)?, row.get(10)?);
    let unknown = |what: &str, name: &str| Failure::corrupt(format!("a symbol has the {what} {name:?}"));
    Ok(Entry {
        symbol: text(0)?,
        display_symbol: text(1)?,
        name: text(2)?,
        market: Market::from_name(&market).ok_or_else(|| unknown("market", &market))?,
        exchange: text(4)?,
        mic: text(5)?,
        currency: text(6)?,
        security_type: text(7)?,
        figi: text(8)?,
        isin: text(9)?,
        status: Status::from_name(&status).ok_or_else(|| unknown("status", &status))?,
        renamed_to: text(11)?,
        first_seen_ms: row.get(12)?,
        last_seen_ms: row.get(13)?,
        as_of_ms: row.get(14)?,
    })
}
