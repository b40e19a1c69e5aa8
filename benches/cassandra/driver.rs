//! Baseline with only the driver: the same rows as doubles, grouped into requests in several ways.

use std::collections::BTreeMap;

use dataflows::output::to_f64::{self, INDICATOR_COLUMNS};
use dataflows::progress::time::Resolution;
use futures_util::{StreamExt, stream};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::SerializationError;
use scylla::serialize::row::{RowSerializationContext, SerializeRow};
use scylla::serialize::writers::RowWriter;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use tickline::store::{RowBatch, table, write_us};
use tokio::runtime::Runtime;

/// Grouping of rows into requests.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// One row per request.
    Single,
    /// Up to N rows of one partition of one table.
    Partition(usize),
    /// Up to N rows of one partition key, across tables.
    Key(usize),
    /// Up to N rows of any partitions.
    Any(usize),
}

/// A prepared row.
pub struct Ready {
    table: usize,
    symbol: String,
    /// In days since the epoch.
    bucket: u32,
    /// Values after symbol and bucket, 8 bytes each.
    values: Vec<[u8; 8]>,
}

impl SerializeRow for Ready {
    fn serialize(&self, _: &RowSerializationContext<'_>, writer: &mut RowWriter) -> Result<(), SerializationError> {
        let mut set = |bytes: &[u8]| {
            writer.make_cell_writer().set_value(bytes).expect("it is short");
        };
        set(self.symbol.as_bytes());
        set(&(self.bucket + (1 << 31)).to_be_bytes());
        self.values.iter().for_each(|value| set(value));
        Ok(())
    }

    fn is_empty(&self) -> bool {
        false
    }
}

/// Prepares rows, so that only the driver is measured.
pub fn ready(rows: &RowBatch) -> Vec<Ready> {
    let days = |bucket_ms: u64| (bucket_ms / 86_400_000) as u32;
    let candles = rows.candles.iter().map(|row| {
        let c = to_f64::candle(row);
        let doubles = [c.open, c.high, c.low, c.close, c.volume, c.notional, c.vwap];
        let table = row.resolution as usize;
        let bucket = days(table::bucket_ms(row.resolution, row.window_start_ms));
        let values = values(row.window_start_ms, &doubles, &[row.trades], row.as_of);
        Ready { table, symbol: row.symbol.as_str().to_owned(), bucket, values }
    });
    let indicators = rows.indicators.iter().map(|row| {
        let counts = [row.values.candles, row.values.cumulative_trades];
        let bucket = days(table::bucket_ms(Resolution::S5, row.window_start_ms));
        let values = values(row.window_start_ms, &to_f64::indicators(&row.values), &counts, row.as_of);
        Ready { table: Resolution::ALL.len(), symbol: row.symbol.as_str().to_owned(), bucket, values }
    });
    candles.chain(indicators).collect()
}

fn values(window_start_ms: u64, doubles: &[f64], counts: &[u64], as_of: u64) -> Vec<[u8; 8]> {
    let doubles = doubles.iter().map(|value| value.to_be_bytes());
    let counts = counts.iter().map(|value| value.to_be_bytes());
    let ends = [as_of.to_be_bytes(), write_us(as_of).to_be_bytes()];
    std::iter::once(window_start_ms.to_be_bytes()).chain(doubles).chain(counts).chain(ends).collect()
}

/// Groups rows into requests.
fn requests(rows: Vec<Ready>, shape: Shape) -> Vec<Vec<Ready>> {
    let key = |row: &Ready| match shape {
        Shape::Single | Shape::Any(_) => None,
        Shape::Partition(_) => Some((row.table, row.bucket, row.symbol.clone())),
        Shape::Key(_) => Some((0, row.bucket, row.symbol.clone())),
    };
    let (Shape::Partition(most) | Shape::Key(most) | Shape::Any(most)) = shape else {
        return rows.into_iter().map(|row| vec![row]).collect();
    };
    let mut groups: BTreeMap<_, Vec<Vec<Ready>>> = BTreeMap::new();
    let mut rows = rows;
    rows.sort_by(|a, b| (&a.symbol, a.bucket, a.table).cmp(&(&b.symbol, b.bucket, b.table)));
    for row in rows {
        let group = groups.entry(key(&row)).or_default();
        match group.last_mut() {
            Some(request) if request.len() < most => request.push(row),
            _ => group.push(vec![row]),
        }
    }
    groups.into_values().flatten().collect()
}

/// A session, and its statements by table.
pub struct Driver {
    runtime: Runtime,
    session: Session,
    inserts: Vec<PreparedStatement>,
}

impl Driver {
    /// Connects with the defaults of the driver.
    pub fn new(node: &str, keyspace: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let (session, inserts) = runtime.block_on(async {
            let builder = SessionBuilder::new().known_node(node).use_keyspace(keyspace, false);
            let session = builder.build().await.unwrap();
            let mut inserts = Vec::new();
            for table in Resolution::ALL.map(table::candles).into_iter().chain(["indicators_5s"]) {
                let values = if table == "indicators_5s" {
                    format!("{}, candles, cumulative_trades", INDICATOR_COLUMNS.join(", "))
                } else {
                    "open, high, low, close, volume, notional, vwap, trades".to_owned()
                };
                let places = vec!["?"; values.split(", ").count() + 4].join(", ");
                let columns = format!("symbol, bucket, window_start, {values}, as_of");
                let text = format!("INSERT INTO {table} ({columns}) VALUES ({places}) USING TIMESTAMP ?");
                inserts.push(session.prepare(text).await.unwrap());
            }
            (session, inserts)
        });
        Self { runtime, session, inserts }
    }

    /// Writes rows with a grouping and a concurrency limit; returns once all are acknowledged.
    pub fn write(&self, rows: Vec<Ready>, shape: Shape, in_flight: usize) {
        let requests = requests(rows, shape);
        let sent = stream::iter(&requests).map(|rows| self.send(rows)).buffer_unordered(in_flight);
        self.runtime.block_on(sent.for_each(|()| async {}));
    }

    async fn send(&self, rows: &[Ready]) {
        if let [row] = rows {
            self.session.execute_unpaged(&self.inserts[row.table], row).await.unwrap();
            return;
        }
        let mut batch = Batch::new(BatchType::Unlogged);
        rows.iter().for_each(|row| batch.append_statement(self.inserts[row.table].clone()));
        self.session.batch(&batch, rows).await.unwrap();
    }

    /// A single number of a query.
    pub fn number(&self, query: &str) -> i64 {
        let rows = self.runtime.block_on(self.session.query_unpaged(query, ())).unwrap().into_rows_result().unwrap();
        rows.first_row::<(i64,)>().unwrap().0
    }
}
