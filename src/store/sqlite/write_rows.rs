//! Writes rows under their natural keys. An older write never overwrites a newer one.

use dataflows::output::row::{CandleRow, GapRow, IndicatorRow, RejectedRow};
use dataflows::output::to_f64;
use dataflows::progress::time::Resolution;
use rusqlite::{CachedStatement, Transaction, params};

use super::error::Failure;
use crate::store::{RowBatch, table, write_us};

/// Writes all rows of a batch.
pub fn write(transaction: &Transaction, rows: &RowBatch) -> Result<(), Failure> {
    if !rows.candles.is_empty() {
        let mut statements = Vec::new();
        for resolution in Resolution::ALL {
            statements.push(transaction.prepare_cached(&candle_sql(resolution))?);
        }
        for row in &rows.candles {
            candle(&mut statements[row.resolution as usize], row)?;
        }
    }
    if !rows.indicators.is_empty() {
        let mut statement = transaction.prepare_cached(&indicator_sql())?;
        rows.indicators.iter().try_for_each(|row| indicator(&mut statement, row))?;
    }
    let mut statement = transaction.prepare_cached(&rejected_sql())?;
    rows.rejected.iter().try_for_each(|row| rejected(&mut statement, row))?;
    let mut statement = transaction.prepare_cached(&gap_sql())?;
    rows.gaps.iter().try_for_each(|row| gap(&mut statement, row))
}

/// An integer column. Times, offsets and counts are far below its maximum; the end of a range may be above, and is
/// clamped.
pub fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn candle(statement: &mut CachedStatement, row: &CandleRow) -> Result<(), Failure> {
    let values = to_f64::candle(row);
    statement.execute(params![
        row.symbol.as_str(),
        int(table::bucket_ms(row.resolution, row.window_start_ms)),
        int(row.window_start_ms),
        values.open,
        values.high,
        values.low,
        values.close,
        values.volume,
        values.notional,
        values.vwap,
        int(row.trades),
        int(row.as_of),
        int(write_us(row.as_of)),
    ])?;
    Ok(())
}

fn indicator(statement: &mut CachedStatement, row: &IndicatorRow) -> Result<(), Failure> {
    let key =
        (row.symbol.as_str(), int(table::bucket_ms(Resolution::S5, row.window_start_ms)), int(row.window_start_ms));
    statement.raw_bind_parameter(1, key.0)?;
    statement.raw_bind_parameter(2, key.1)?;
    statement.raw_bind_parameter(3, key.2)?;
    let values = to_f64::indicators(&row.values);
    for (at, value) in (4..).zip(values) {
        statement.raw_bind_parameter(at, value)?;
    }
    let counts = [row.values.candles, row.values.cumulative_trades, row.as_of, write_us(row.as_of)];
    for (at, count) in (4 + values.len()..).zip(counts) {
        statement.raw_bind_parameter(at, int(count))?;
    }
    statement.raw_execute()?;
    Ok(())
}

fn rejected(statement: &mut CachedStatement, row: &RejectedRow) -> Result<(), Failure> {
    statement.execute(params![
        row.partition,
        int(row.offset),
        row.index,
        row.reason.name(),
        &*row.original,
        int(row.original_bytes_total),
        int(row.as_of),
        int(write_us(row.as_of)),
    ])?;
    Ok(())
}

fn gap(statement: &mut CachedStatement, row: &GapRow) -> Result<(), Failure> {
    statement.execute(params![
        int(table::gap_bucket_ms(row.from_ms)),
        row.from_ms,
        row.partition,
        int(row.offset),
        &*row.source,
        row.to_ms,
        &*row.cause,
        int(row.as_of),
        int(write_us(row.as_of)),
    ])?;
    Ok(())
}

fn candle_sql(resolution: Resolution) -> String {
    upsert(table::candles(resolution), "symbol, bucket, window_start", table::CANDLE_VALUES)
}

fn indicator_sql() -> String {
    upsert("indicators_5s", "symbol, bucket, window_start", &table::indicator_values())
}

fn rejected_sql() -> String {
    upsert("rejected", "log_partition, log_offset, item", table::REJECTED_VALUES)
}

fn gap_sql() -> String {
    upsert("gaps", "bucket, gap_start, log_partition, log_offset", table::GAP_VALUES)
}

pub fn upsert(table: &str, key: &str, values: &str) -> String {
    let columns = format!("{key}, {values}, write_us");
    let places = (1..=columns.split(", ").count()).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
    let sets = values.split(", ").chain(["write_us"]).map(|name| format!("{name} = excluded.{name}"));
    let sets = sets.collect::<Vec<_>>().join(", ");
    format!(
        "INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT ({key}) DO UPDATE SET {sets} \
         WHERE excluded.write_us >= {table}.write_us"
    )
}
