//! Reads rows of windows: which buckets a range of time touches, and the newest rows in them.

use std::collections::BTreeSet;

use dataflows::output::to_f64::INDICATOR_COLUMNS;
use dataflows::progress::time::{DAY_MS, EVENT_MS_END, Resolution};
use futures_util::{StreamExt, stream};
use scylla::deserialize::row::DeserializeRow;
use scylla::value::{CqlTimestamp, Row};

use super::error::Failure;
use super::frontier::unsigned;
use super::session::{Client, Level, Pages};
use super::values::{date, timestamp};
use crate::store::table::CANDLE_VALUES;
use crate::store::{Range, StoredCandle, StoredIndicators, table};

/// Buckets that are read one by one. A range over more of them is first looked up in the daily candles, which every
/// symbol has for each day on which it has any row.
const BUCKETS_MAX: usize = 200;
/// Buckets that are read at the same time.
const AT_ONCE: usize = 8;

/// A candle as it is read.
type Candle = (CqlTimestamp, f64, f64, f64, f64, f64, f64, f64, i64, CqlTimestamp);

/// The last `limit` candles of a symbol in the range, ascending.
pub async fn candles(
    client: &Client,
    symbol: &str,
    resolution: Resolution,
    range: Range,
) -> Result<Vec<StoredCandle>, Failure> {
    let rows: Vec<Candle> =
        newest(client, table::candles(resolution), CANDLE_VALUES, resolution, symbol, range).await?;
    rows.into_iter().map(candle).collect()
}

/// The last `limit` candles in the range of each symbol, in the order of the symbols.
pub async fn candles_of(
    client: &Client,
    symbols: &[String],
    resolution: Resolution,
    range: Range,
) -> Result<Vec<Vec<StoredCandle>>, Failure> {
    let read = |(at, symbol): (usize, &String)| {
        let symbol = symbol.clone();
        async move { Ok((at, candles(client, &symbol, resolution, range).await?)) }
    };
    let mut parts = client.gather(symbols.iter().enumerate(), read).await?;
    parts.sort_unstable_by_key(|(at, _)| *at);
    Ok(parts.into_iter().map(|(_, rows)| rows).collect())
}

/// The last `limit` rows of indicators of a symbol in the range, ascending.
pub async fn indicators(client: &Client, symbol: &str, range: Range) -> Result<Vec<StoredIndicators>, Failure> {
    let values = table::indicator_values();
    let rows: Vec<Row> = newest(client, "indicators_5s", &values, Resolution::S5, symbol, range).await?;
    rows.iter().map(|row| indicator(row).ok_or_else(|| Failure::corrupt("a row of indicators lacks a value"))).collect()
}

/// All symbols that have a candle, ascending, each with its newest daily one.
pub async fn latest(client: &Client) -> Result<Vec<(String, StoredCandle)>, Failure> {
    let table = table::candles(Resolution::D1);
    let cql = format!("SELECT symbol, window_start, {CANDLE_VALUES} FROM {table} PER PARTITION LIMIT 1");
    type One = (String, CqlTimestamp, f64, f64, f64, f64, f64, f64, f64, i64, CqlTimestamp);
    let rows: Vec<One> = client.rows(&cql, Level::Quorum, &()).await?;
    let mut newest = std::collections::BTreeMap::<String, StoredCandle>::new();
    for (symbol, start, open, high, low, close, volume, notional, vwap, trades, as_of) in rows {
        let row = candle((start, open, high, low, close, volume, notional, vwap, trades, as_of))?;
        match newest.get(&symbol) {
            Some(other) if other.window_start_ms >= row.window_start_ms => {}
            _ => drop(newest.insert(symbol, row)),
        }
    }
    Ok(newest.into_iter().collect())
}

async fn newest<T>(
    client: &Client,
    table: &str,
    values: &str,
    resolution: Resolution,
    symbol: &str,
    range: Range,
) -> Result<Vec<T>, Failure>
where
    T: for<'a> DeserializeRow<'a, 'a>,
{
    // No window starts behind the last event time that is taken.
    let range = Range { to_ms: range.to_ms.min(EVENT_MS_END.unsigned_abs()), ..range };
    if range.to_ms <= range.from_ms || range.limit == 0 {
        return Ok(Vec::new());
    }
    let cql = format!(
        "SELECT window_start, {values} FROM {table} \
         WHERE symbol = ? AND bucket = ? AND window_start >= ? AND window_start < ?"
    );
    let pages = Pages { most: range.limit, ..Pages::ALL };
    let read = |bucket: u64| {
        let key = (symbol, date(bucket), timestamp(range.from_ms), timestamp(range.to_ms));
        let cql = &cql;
        async move { client.read::<T>(cql, Level::Quorum, &key, pages).await }
    };
    let buckets = buckets(client, resolution, symbol, range).await?;
    let mut parts = stream::iter(buckets.into_iter().rev()).map(read).buffered(AT_ONCE);
    let mut rows: Vec<T> = Vec::new();
    while rows.len() < range.limit
        && let Some(part) = parts.next().await
    {
        rows.extend(part?);
    }
    rows.truncate(range.limit);
    rows.reverse();
    Ok(rows)
}

/// The buckets of a range, ascending; of a wide one those in which the symbol traded.
async fn buckets(client: &Client, resolution: Resolution, symbol: &str, range: Range) -> Result<Vec<u64>, Failure> {
    let all = between(resolution, range);
    if all.len() <= BUCKETS_MAX {
        return Ok(all);
    }
    let days = between(Resolution::D1, range);
    let cql = format!(
        "SELECT window_start FROM {} WHERE symbol = ? AND bucket = ? AND window_start >= ? AND window_start < ?",
        table::candles(Resolution::D1)
    );
    let first = Resolution::D1.window_start_ms(range.from_ms);
    let read = |year: u64| {
        let key = (symbol, date(year), timestamp(first), timestamp(range.to_ms));
        let cql = &cql;
        async move { client.rows::<(CqlTimestamp,)>(cql, Level::Quorum, &key).await }
    };
    let mut found = BTreeSet::new();
    for (day,) in client.gather(days, read).await?.into_iter().flatten() {
        found.insert(table::bucket_ms(resolution, unsigned("window_start", day.0)?));
    }
    Ok(found.into_iter().collect())
}

/// The buckets of a range by the calendar alone, ascending.
fn between(resolution: Resolution, range: Range) -> Vec<u64> {
    let first = table::bucket_ms(resolution, range.from_ms);
    let mut bucket = table::bucket_ms(resolution, range.to_ms - 1);
    let mut all = vec![bucket];
    while bucket > first && bucket >= DAY_MS {
        bucket = table::bucket_ms(resolution, bucket - DAY_MS);
        all.push(bucket);
    }
    all.reverse();
    all
}

fn candle(row: Candle) -> Result<StoredCandle, Failure> {
    let (start, open, high, low, close, volume, notional, vwap, trades, as_of) = row;
    Ok(StoredCandle {
        window_start_ms: unsigned("window_start", start.0)?,
        open,
        high,
        low,
        close,
        volume,
        notional,
        vwap,
        trades: unsigned("trades", trades)?,
        as_of: unsigned("as_of", as_of.0)?,
    })
}

fn indicator(row: &Row) -> Option<StoredIndicators> {
    let end = 1 + INDICATOR_COLUMNS.len();
    let value = |at: usize| row.columns.get(at)?.as_ref();
    let time = |at: usize| u64::try_from(value(at)?.as_cql_timestamp()?.0).ok();
    let count = |at: usize| u64::try_from(value(at)?.as_bigint()?).ok();
    Some(StoredIndicators {
        window_start_ms: time(0)?,
        values: (1..end).map(|at| value(at)?.as_double()).collect::<Option<_>>()?,
        candles: count(end)?,
        cumulative_trades: count(end + 1)?,
        as_of: time(end + 2)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_touches_each_bucket_once() {
        let of = |resolution, from_ms, to_ms| between(resolution, Range { from_ms, to_ms, limit: 1 });
        assert_eq!(of(Resolution::S5, 5_000, 10_000), [0]);
        assert_eq!(of(Resolution::S5, DAY_MS - 1, 2 * DAY_MS), [0, DAY_MS]);
        assert_eq!(of(Resolution::S5, 0, 2 * DAY_MS + 1), [0, DAY_MS, 2 * DAY_MS]);
        assert_eq!(of(Resolution::M5, 0, DAY_MS + 1), [0, DAY_MS]);
        assert_eq!(of(Resolution::D1, 0, EVENT_MS_END.unsigned_abs()).len(), 130);
    }
}
