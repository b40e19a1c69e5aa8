//! Writes whole rows under their natural keys and with explicit timestamps: an older write never overwrites a newer
//! one, and a replay writes the same cells.
//!
//! Rows with the same partition key, across tables, form one unlogged batch: one request and one mutation. Where every
//! node holds every row, small batches are merged.

use std::collections::BTreeMap;

use dataflows::output::row::{CandleRow, GapRow, IndicatorRow, RejectedRow};
use dataflows::output::to_f64;
use dataflows::progress::time::Resolution;
use scylla::statement::batch::{Batch, BatchStatement, BatchType};
use scylla::statement::prepared::PreparedStatement;

use super::error::Failure;
use super::session::{Client, Level};
use super::values::{Value, int};
use crate::store::table::CANDLE_VALUES;
use crate::store::{RowBatch, table, write_us};

/// Number of offsets in a bucket of `rejected`.
pub const REJECTED_BUCKET: u64 = 4_096;

/// Maximum batch size in bytes, as the server counts it. The server limits only batches of several partitions; larger
/// ones are not faster.
const BATCH_BYTES: usize = 10 * 1024;
/// Maximum number of partitions in a merged batch: above it the server logs a warning.
const MERGED_PARTITIONS: usize = 10;
/// Overhead that the server counts for each value after the key.
const VALUE_BYTES: usize = 28;
/// Number of key values of a window.
const KEY_VALUES: usize = 3;

/// The statements that write rows.
#[derive(Debug)]
pub struct Inserts {
    candles: Vec<PreparedStatement>,
    indicators: PreparedStatement,
    rejected: PreparedStatement,
    gaps: PreparedStatement,
    /// Maximum size of merged batches in bytes; `None` where batches of several partitions may not be merged.
    merged_bytes: Option<usize>,
}

/// A row to write.
struct Insert<'a> {
    statement: &'a PreparedStatement,
    values: Vec<Value<'a>>,
}

impl Inserts {
    /// Prepares them. `merged_bytes` as [`super::packing::merged_bytes`] returns it.
    pub async fn prepare(client: &Client, merged_bytes: Option<usize>) -> Result<Self, Failure> {
        let mut candles = Vec::new();
        for resolution in Resolution::ALL {
            let cql = insert(table::candles(resolution), &format!("symbol, bucket, window_start, {CANDLE_VALUES}"));
            candles.push(client.prepare(&cql, Level::Quorum).await?);
        }
        let values = format!("symbol, bucket, window_start, {}", table::indicator_values());
        let indicators = client.prepare(&insert("indicators_5s", &values), Level::Quorum).await?;
        let values = format!("log_partition, bucket, log_offset, item, {}", table::REJECTED_VALUES);
        let rejected = client.prepare(&insert("rejected", &values), Level::Quorum).await?;
        let values = format!("bucket, gap_start, log_partition, log_offset, {}", table::GAP_VALUES);
        let gaps = client.prepare(&insert("gaps", &values), Level::Quorum).await?;
        Ok(Self { candles, indicators, rejected, gaps, merged_bytes })
    }

    /// Writes all rows that have not expired; returns the number of expired rows once all others are acknowledged.
    pub async fn write(&self, client: &Client, rows: &RowBatch, expiry: &Expiry) -> Result<u64, Failure> {
        let mut expired = 0;
        // By partition key: equal keys of different tables belong to the same nodes and become one mutation.
        let mut partitions: BTreeMap<(&str, u64), Vec<Insert>> = BTreeMap::new();
        for row in &rows.candles {
            if expiry.is_expired(row.resolution, row.window_start_ms) {
                expired += 1;
                continue;
            }
            let bucket = table::bucket_ms(row.resolution, row.window_start_ms);
            let statement = &self.candles[row.resolution as usize];
            let insert = Insert { statement, values: candle(row, bucket) };
            partitions.entry((row.symbol.as_str(), bucket)).or_default().push(insert);
        }
        for row in &rows.indicators {
            if expiry.is_expired(Resolution::S5, row.window_start_ms) {
                expired += 1;
                continue;
            }
            let bucket = table::bucket_ms(Resolution::S5, row.window_start_ms);
            let insert = Insert { statement: &self.indicators, values: indicators(row, bucket) };
            partitions.entry((row.symbol.as_str(), bucket)).or_default().push(insert);
        }
        let rejected_rows = rows.rejected.iter().map(|row| Insert { statement: &self.rejected, values: rejected(row) });
        let batches = partitions.into_values().flat_map(cut);
        let batches = match self.merged_bytes {
            Some(bytes_max) => merge(batches, bytes_max),
            None => batches.collect(),
        };
        let gaps = rows.gaps.iter().map(|row| Insert { statement: &self.gaps, values: gap(row) });
        let batches = batches.into_iter().chain(rejected_rows.chain(gaps).map(|insert| vec![insert]));
        client.gather(batches, |batch| send(client, batch)).await?;
        Ok(expired)
    }
}

/// Limits below which rows have expired: their window ended more than the time to live of their table before the
/// published frontier. A replay must not bring them back.
#[derive(Clone, Debug, Default)]
pub struct Expiry {
    /// Windows that end before this are expired, in milliseconds by resolution.
    pub before_ms: [u64; Resolution::ALL.len()],
}

impl Expiry {
    /// Limits as of a published frontier, for the given times to live in seconds.
    pub fn of(frontier: u64, seconds_of: &BTreeMap<String, u64>) -> Self {
        Self {
            before_ms: Resolution::ALL.map(|resolution| match seconds_of.get(table::candles(resolution)) {
                None | Some(0) => 0,
                Some(seconds) => frontier.saturating_sub(seconds * 1_000),
            }),
        }
    }

    fn is_expired(&self, resolution: Resolution, window_start_ms: u64) -> bool {
        window_start_ms + resolution.length_ms() < self.before_ms[resolution as usize]
    }
}

/// Splits the rows of a partition into batches.
fn cut(rows: Vec<Insert>) -> Vec<Vec<Insert>> {
    let (mut batches, mut bytes) = (vec![Vec::new()], 0);
    for row in rows {
        let weight = weight(&row.values);
        if bytes + weight > BATCH_BYTES && bytes > 0 {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += weight;
        if let Some(batch) = batches.last_mut() {
            batch.push(row);
        }
    }
    batches
}

/// Merges small batches.
fn merge<'a>(batches: impl Iterator<Item = Vec<Insert<'a>>>, bytes_max: usize) -> Vec<Vec<Insert<'a>>> {
    let (mut merged, mut small, mut bytes, mut partitions) = (Vec::new(), Vec::new(), 0, 0);
    for batch in batches {
        let weight: usize = batch.iter().map(|row| weight(&row.values)).sum();
        if weight > bytes_max / 2 {
            merged.push(batch);
            continue;
        }
        if bytes + weight > bytes_max || partitions == MERGED_PARTITIONS {
            merged.push(std::mem::take(&mut small));
            (bytes, partitions) = (0, 0);
        }
        small.extend(batch);
        (bytes, partitions) = (bytes + weight, partitions + 1);
    }
    merged.push(small);
    merged.retain(|batch| !batch.is_empty());
    merged
}

fn weight(values: &[Value]) -> usize {
    let bytes = |value: &Value| match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        _ => 8,
    };
    values.iter().skip(KEY_VALUES).map(|value| VALUE_BYTES + bytes(value)).sum()
}

async fn send(client: &Client, mut rows: Vec<Insert<'_>>) -> Result<(), Failure> {
    if rows.len() == 1
        && let Some(row) = rows.pop()
    {
        let bound = row.statement.clone().bind(&row.values).map_err(|error| Failure::Permanent(error.to_string()))?;
        return client.retry(async || client.session().execute_bound_unpaged(&bound).await.map(drop)).await;
    }
    let statements = rows.iter().map(|row| BatchStatement::PreparedStatement(row.statement.clone())).collect();
    let mut batch = Batch::new_with_statements(BatchType::Unlogged, statements);
    batch.set_is_idempotent(true);
    let values: Vec<Vec<Value>> = rows.into_iter().map(|row| row.values).collect();
    client.retry(async || client.session().batch(&batch, &values).await.map(drop)).await
}

fn insert(table: &str, columns: &str) -> String {
    let places = columns.split(", ").map(|_| "?").collect::<Vec<_>>().join(", ");
    format!("INSERT INTO {table} ({columns}) VALUES ({places}) USING TIMESTAMP ?")
}

fn candle(row: &CandleRow, bucket_ms: u64) -> Vec<Value<'_>> {
    let values = to_f64::candle(row);
    vec![
        Value::Text(row.symbol.as_str()),
        Value::Date(bucket_ms),
        Value::Timestamp(row.window_start_ms),
        Value::Double(values.open),
        Value::Double(values.high),
        Value::Double(values.low),
        Value::Double(values.close),
        Value::Double(values.volume),
        Value::Double(values.notional),
        Value::Double(values.vwap),
        Value::Bigint(int(row.trades)),
        Value::Timestamp(row.as_of),
        Value::Bigint(int(write_us(row.as_of))),
    ]
}

fn indicators(row: &IndicatorRow, bucket_ms: u64) -> Vec<Value<'_>> {
    let key = [Value::Text(row.symbol.as_str()), Value::Date(bucket_ms), Value::Timestamp(row.window_start_ms)];
    let end = [
        Value::Bigint(int(row.values.candles)),
        Value::Bigint(int(row.values.cumulative_trades)),
        Value::Timestamp(row.as_of),
        Value::Bigint(int(write_us(row.as_of))),
    ];
    key.into_iter().chain(to_f64::indicators(&row.values).map(Value::Double)).chain(end).collect()
}

fn rejected(row: &RejectedRow) -> Vec<Value<'_>> {
    vec![
        Value::Bigint(row.partition.into()),
        Value::Bigint(int(row.offset - row.offset % REJECTED_BUCKET)),
        Value::Bigint(int(row.offset)),
        Value::Bigint(row.index.into()),
        Value::Text(row.reason.name()),
        Value::Blob(&row.original),
        Value::Bigint(int(row.original_bytes_total)),
        Value::Timestamp(row.as_of),
        Value::Bigint(int(write_us(row.as_of))),
    ]
}

fn gap(row: &GapRow) -> Vec<Value<'_>> {
    vec![
        Value::Date(table::gap_bucket_ms(row.from_ms)),
        Value::AnyTimestamp(row.from_ms),
        Value::Bigint(row.partition.into()),
        Value::Bigint(int(row.offset)),
        Value::Text(&row.source),
        Value::AnyTimestamp(row.to_ms),
        Value::Text(&row.cause),
        Value::Timestamp(row.as_of),
        Value::Bigint(int(write_us(row.as_of))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_windows_are_expired() {
        let seconds = BTreeMap::from([("candles_5s".to_owned(), 100), ("candles_1d".to_owned(), 0)]);
        let expiry = Expiry::of(1_000_000, &seconds);
        let expired = |start| expiry.is_expired(Resolution::S5, start);
        assert_eq!([890_000, 895_000, 900_000].map(expired), [true, false, false]);
        assert!(!expiry.is_expired(Resolution::D1, 0), "for ever");
        assert!(!Expiry::of(5, &seconds).is_expired(Resolution::S5, 0));
    }

    #[test]
    fn row_weight_matches_the_server() {
        // The server counts about 300 bytes for a candle and 700 for an indicator row; a little more is safe.
        let row = |values: usize| vec![Value::Bigint(1); KEY_VALUES + values];
        assert_eq!((weight(&row(10)), weight(&row(21))), (360, 756));
    }
}
