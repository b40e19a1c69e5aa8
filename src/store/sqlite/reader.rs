//! The reading side: a read-only connection that never waits for the writer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dataflows::log::reject::Reason;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::output::row::{GapRow, RejectedRow};
use dataflows::output::to_f64::INDICATOR_COLUMNS;
use dataflows::progress::time::Resolution;
use dataflows::state::manifest::SegmentKey;
use dataflows::symbols::entry::Entry;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::Failure;
use super::write_rows::int;
use super::{checkpoint, frontier, heartbeat, identity, meta, scan, schema, symbols};
use crate::store::table::CANDLE_VALUES;
use crate::store::{
    Checkpoint, DurableFrontier, GapRange, Heartbeat, PipelineSettings, Range, RejectedRange, RowTable, RowVisitor,
    StoreError, StoreIdentity, StoreReader, StoredCandle, StoredIndicators, Verification, table,
};

/// Reads a SQLite file.
#[derive(Debug)]
pub struct SqliteReader {
    path: PathBuf,
    connection: Connection,
}

impl SqliteReader {
    /// Opens an existing file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_within(path, schema::BUSY_TIMEOUT)
    }

    /// Opens an existing file; a read waits at most `limit` for another program that has locked it.
    pub fn open_within(path: &Path, limit: Duration) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing {
                path: format!("sqlite:{}", path.display()),
                hint: "`tickline work --store` creates it; check the path".to_string(),
            });
        }
        let connection = schema::open_reader(path, limit).map_err(|e| e.at(path, "cannot open it for reading"))?;
        Ok(Self { path: path.to_path_buf(), connection })
    }

    fn run<T>(
        &self,
        what: &'static str,
        body: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        body(&self.connection).map_err(|e| e.at(&self.path, what))
    }
}

impl StoreReader for SqliteReader {
    fn frontier(&mut self) -> Result<Option<DurableFrontier>, StoreError> {
        self.run("cannot read the frontier", frontier::durable)
    }

    fn heartbeat(&mut self) -> Result<Option<Heartbeat>, StoreError> {
        self.run("cannot read the heartbeat", heartbeat::read)
    }

    fn settings(&mut self) -> Result<Option<PipelineSettings>, StoreError> {
        Ok(PipelineSettings::from_rows(self.run("cannot read the settings", meta::read)?))
    }

    fn verification(&mut self) -> Result<Option<Verification>, StoreError> {
        Ok(Verification::from_rows(self.run("cannot read the last comparison", meta::read)?))
    }

    fn identity(&mut self) -> Result<Option<StoreIdentity>, StoreError> {
        self.run("cannot read the identity", identity::read)
    }

    fn checkpoint(&mut self) -> Result<Option<(u64, Checkpoint)>, StoreError> {
        self.run("cannot read the checkpoint", checkpoint::last)
    }

    fn read_segments(&mut self, wanted: &[SegmentKey]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.run("cannot read the checkpoint", |connection| checkpoint::segments(connection, wanted))
    }

    fn segments(&mut self) -> Result<Vec<(SegmentKey, Option<u64>)>, StoreError> {
        let stored = self.run("cannot read the checkpoints", checkpoint::stored)?;
        Ok(stored.into_iter().map(|(key, bytes)| (key, Some(bytes))).collect())
    }

    fn frontiers(&mut self) -> Result<Vec<FrontierRow>, StoreError> {
        self.run("cannot read the frontiers", frontier::kept)
    }

    fn candles(&mut self, symbol: &str, resolution: Resolution, range: Range) -> Result<Vec<StoredCandle>, StoreError> {
        self.run("cannot read candles", |c| {
            windows(c, table::candles(resolution), CANDLE_VALUES, resolution, symbol, range, candle)
        })
    }

    fn indicators(&mut self, symbol: &str, range: Range) -> Result<Vec<StoredIndicators>, StoreError> {
        let values = table::indicator_values();
        self.run("cannot read indicators", |c| {
            windows(c, "indicators_5s", &values, Resolution::S5, symbol, range, indicators)
        })
    }

    fn latest(&mut self) -> Result<Vec<(String, StoredCandle)>, StoreError> {
        self.run("cannot read the latest candles", |c| {
            let view = c.unchecked_transaction()?;
            latest(&view)
        })
    }

    fn rejected(&mut self, wanted: &RejectedRange) -> Result<Vec<RejectedRow>, StoreError> {
        self.run("cannot read rejected records", |c| rejected(c, wanted))
    }

    fn gaps(&mut self, range: GapRange) -> Result<Vec<GapRow>, StoreError> {
        self.run("cannot read gaps", |c| gaps(c, range))
    }

    fn symbols(&mut self, wanted: &mut dyn FnMut(&Entry) -> bool) -> Result<Vec<Entry>, StoreError> {
        self.run("cannot read symbols", |c| symbols::read(c, wanted))
    }

    fn scan(&mut self, table: RowTable, visit: &mut RowVisitor<'_>) -> Result<(), StoreError> {
        scan::all(&self.connection, &self.path, table, visit)
    }
}

/// The last `limit` rows of a symbol's windows in the range, ascending.
fn windows<T>(
    connection: &Connection,
    table: &str,
    values: &str,
    resolution: Resolution,
    symbol: &str,
    range: Range,
    read: impl FnMut(&Row) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Failure> {
    if range.to_ms <= range.from_ms {
        return Ok(Vec::new());
    }
    // Bounds on the bucket are implied by those on the window; with them the key finds both ends.
    let sql = format!(
        "SELECT window_start, {values} FROM {table} WHERE symbol = ?1 AND bucket BETWEEN ?2 AND ?3 \
         AND window_start >= ?4 AND window_start < ?5 ORDER BY bucket DESC, window_start DESC LIMIT ?6"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let bounds = params![
        symbol,
        int(table::bucket_ms(resolution, range.from_ms)),
        int(table::bucket_ms(resolution, range.to_ms - 1)),
        int(range.from_ms),
        int(range.to_ms),
        int(range.limit as u64),
    ];
    let mut rows = statement.query_map(bounds, read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    rows.reverse();
    Ok(rows)
}

fn candle(row: &Row) -> rusqlite::Result<StoredCandle> {
    Ok(StoredCandle {
        window_start_ms: row.get(0)?,
        open: row.get(1)?,
        high: row.get(2)?,
        low: row.get(3)?,
        close: row.get(4)?,
        volume: row.get(5)?,
        notional: row.get(6)?,
        vwap: row.get(7)?,
        trades: row.get(8)?,
        as_of: row.get(9)?,
    })
}

fn indicators(row: &Row) -> rusqlite::Result<StoredIndicators> {
    let end = 1 + INDICATOR_COLUMNS.len();
    Ok(StoredIndicators {
        window_start_ms: row.get(0)?,
        values: (1..end).map(|at| row.get(at)).collect::<rusqlite::Result<_>>()?,
        candles: row.get(end)?,
        cumulative_trades: row.get(end + 1)?,
        as_of: row.get(end + 2)?,
    })
}

/// Skips from symbol to symbol by the key, without reading the rows in between.
fn latest(connection: &Connection) -> Result<Vec<(String, StoredCandle)>, Failure> {
    let name = table::candles(Resolution::D1);
    let next = format!("SELECT symbol FROM {name} WHERE symbol > ?1 ORDER BY symbol LIMIT 1");
    let mut next = connection.prepare_cached(&next)?;
    let newest = format!(
        "SELECT window_start, {CANDLE_VALUES} FROM {name} WHERE symbol = ?1 \
         ORDER BY bucket DESC, window_start DESC LIMIT 1"
    );
    let mut newest = connection.prepare_cached(&newest)?;
    let mut all: Vec<(String, StoredCandle)> = Vec::new();
    loop {
        let last = all.last().map_or("", |(symbol, _)| symbol.as_str());
        let Some(symbol) = next.query_row([last], |row| row.get::<_, String>(0)).optional()? else { return Ok(all) };
        let row = newest.query_row([&symbol], candle)?;
        all.push((symbol, row));
    }
}

fn rejected(connection: &Connection, wanted: &RejectedRange) -> Result<Vec<RejectedRow>, Failure> {
    // The key finds the first row after the previous page; without one, partition -1 precedes all rows.
    let sql = "SELECT log_partition, log_offset, item, reason, original, original_bytes_total, as_of FROM rejected \
               WHERE (log_partition, log_offset, item) > (?1, ?2, ?3) AND log_offset >= ?4 \
               AND log_partition BETWEEN ?5 AND ?6 AND (?7 IS NULL OR reason = ?7) \
               ORDER BY log_partition, log_offset, item LIMIT ?8";
    let (partition, offset, index) = wanted.after.map_or((-1, 0, 0), |(p, o, i)| (i64::from(p), int(o), i));
    let (first, last) = wanted.partition.map_or((0, u32::MAX), |partition| (partition, partition));
    let reason = wanted.reason.map(Reason::name);
    let (from, limit) = (int(wanted.from_offset), int(wanted.limit as u64));
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![partition, offset, index, from, first, last, reason, limit])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(3)?;
        let reason = Reason::from_name(&name);
        all.push(RejectedRow {
            partition: row.get(0)?,
            offset: row.get(1)?,
            index: row.get(2)?,
            reason: reason.ok_or_else(|| Failure::corrupt(format!("a rejected record has the reason {name:?}")))?,
            original: row.get::<_, Vec<u8>>(4)?.into_boxed_slice(),
            original_bytes_total: row.get(5)?,
            as_of: row.get(6)?,
        });
    }
    Ok(all)
}

fn gaps(connection: &Connection, range: GapRange) -> Result<Vec<GapRow>, Failure> {
    let sql = "SELECT log_partition, log_offset, source, gap_start, gap_end, cause, as_of FROM gaps \
               WHERE min(gap_start, gap_end) < ?2 AND max(gap_start, gap_end) >= ?1";
    let (from_ms, to_ms) = range.bounds();
    let mut statement = connection.prepare_cached(sql)?;
    let row = |row: &Row| {
        Ok(GapRow {
            partition: row.get(0)?,
            offset: row.get(1)?,
            source: row.get::<_, String>(2)?.into_boxed_str(),
            from_ms: row.get(3)?,
            to_ms: row.get(4)?,
            cause: row.get::<_, String>(5)?.into_boxed_str(),
            as_of: row.get(6)?,
        })
    };
    Ok(statement.query_map([from_ms, to_ms], row)?.collect::<rusqlite::Result<Vec<_>>>()?)
}
