//! The symbol table: one row per symbol, absolute, never null. An older entry never overwrites a newer one.

use dataflows::symbols::entry::{Entry, Market, Status};
use scylla::value::{CqlTimestamp, Row};

use super::error::Failure;
use super::frontier::unsigned;
use super::session::{Client, Level};
use super::values::{Value, int};
use crate::store::table::SYMBOL_VALUES;
use crate::store::write_us;

/// Writes entries under their symbols. An existing entry with the same or a later `as_of` stays: of two writes with one
/// timestamp Cassandra keeps the greater value of each column, which mixes both rows.
pub async fn write(client: &Client, entries: &[Entry]) -> Result<(), Failure> {
    let found = "SELECT as_of FROM symbols WHERE symbol = ?";
    let places = "?, ".repeat(14);
    let cql = format!("INSERT INTO symbols (symbol, {SYMBOL_VALUES}) VALUES ({places}?) USING TIMESTAMP ?");
    let write = async |entry: &Entry| {
        let rows: Vec<(CqlTimestamp,)> = client.rows(found, Level::Quorum, &(entry.symbol.as_str(),)).await?;
        if rows.first().is_some_and(|(as_of,)| as_of.0 >= int(entry.as_of_ms)) {
            return Ok(());
        }
        client.execute(&cql, &values(entry)).await
    };
    client.gather(entries, write).await.map(drop)
}

fn values(entry: &Entry) -> Vec<Value<'_>> {
    let texts = [
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
    ];
    let times = [entry.first_seen_ms, entry.last_seen_ms, entry.as_of_ms].map(Value::Timestamp);
    let at = Value::Bigint(int(write_us(entry.as_of_ms)));
    texts.map(Value::Text).into_iter().chain(times).chain([at]).collect()
}

/// Entries that pass the filter, ascending by symbol.
pub async fn read(client: &Client, wanted: &mut dyn FnMut(&Entry) -> bool) -> Result<Vec<Entry>, Failure> {
    let rows: Vec<Row> =
        client.rows(&format!("SELECT symbol, {SYMBOL_VALUES} FROM symbols"), Level::Quorum, &()).await?;
    let mut all = Vec::new();
    for row in &rows {
        let entry = entry(row)?;
        if wanted(&entry) {
            all.push(entry);
        }
    }
    all.sort_unstable_by(|a, b| a.symbol.cmp(&b.symbol));
    Ok(all)
}

fn entry(row: &Row) -> Result<Entry, Failure> {
    let value = |at: usize| row.columns.get(at).and_then(Option::as_ref);
    let text = |at: usize| -> Result<&str, Failure> {
        let found = value(at).and_then(|value| value.as_text());
        found.map(String::as_str).ok_or_else(|| Failure::corrupt(format!("a symbol has no text in column {at}")))
    };
    let time = |at: usize| -> Result<u64, Failure> {
        let found = value(at).and_then(|value| value.as_cql_timestamp());
        unsigned("time", found.ok_or_else(|| Failure::corrupt(format!("a symbol has no time in column {at}")))?.0)
    };
    let unknown = |what: &str, name: &str| Failure::corrupt(format!("a symbol has the {what} {name:?}"));
    let (market, status) = (text(3)?, text(10)?);
    Ok(Entry {
        symbol: text(0)?.into(),
        display_symbol: text(1)?.into(),
        name: text(2)?.into(),
        market: Market::from_name(market).ok_or_else(|| unknown("market", market))?,
        exchange: text(4)?.into(),
        mic: text(5)?.into(),
        currency: text(6)?.into(),
        security_type: text(7)?.into(),
        figi: text(8)?.into(),
        isin: text(9)?.into(),
        status: Status::from_name(status).ok_or_else(|| unknown("status", status))?,
        renamed_to: text(11)?.into(),
        first_seen_ms: time(12)?,
        last_seen_ms: time(13)?,
        as_of_ms: time(14)?,
    })
}
