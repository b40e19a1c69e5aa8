//! The reading side: its own session, and a bounded wait for answers.
//!
//! Reads use a quorum, which suffices because a value that a lightweight transaction has committed stays visible.
//! Serial reads would compete with the writer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dataflows::log::reject::Reason;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::output::row::{GapRow, RejectedRow};
use dataflows::progress::time::Resolution;
use dataflows::state::manifest::SegmentKey;
use dataflows::symbols::entry::Entry;
use scylla::value::CqlTimestamp;

use super::address::CassandraAddress;
use super::error::Failure;
use super::frontier::{self, unsigned};
use super::retry::RetryPolicy;
use super::session::{Client, Level, Pages};
use super::values::int;
use super::write_rows::REJECTED_BUCKET;
use super::{checkpoint, epoch, gaps, heartbeat, identity, meta, open, read_rows, scan, schema, symbols};
use crate::store::{
    Checkpoint, DurableFrontier, GapRange, Heartbeat, NewestEpoch, PipelineSettings, Range, RejectedRange, RowTable,
    RowVisitor, StoreError, StoreIdentity, StoreReader, StoredCandle, StoredIndicators, Verification,
};

/// Reader retry deadline.
const RETRY_POLICY: RetryPolicy = RetryPolicy::Bounded(Duration::from_secs(10));

/// Page size when reading rejected records; each may hold 64 KiB.
const REJECTED_PAGE: i32 = 100;

/// Reads a keyspace.
#[derive(Debug)]
pub struct CassandraReader {
    client: Client,
    keyspace: String,
}

impl CassandraReader {
    /// Opens an existing keyspace.
    pub fn open(address: &CassandraAddress) -> Result<Self, StoreError> {
        Self::with(address, RETRY_POLICY)
    }

    /// Opens an existing keyspace; opening it and all reads together take at most `limit`.
    pub fn open_within(address: &CassandraAddress, limit: Duration) -> Result<Self, StoreError> {
        Self::with(address, RetryPolicy::Deadline(Instant::now() + limit))
    }

    fn with(address: &CassandraAddress, policy: RetryPolicy) -> Result<Self, StoreError> {
        Ok(Self { client: open::open(address, policy)?, keyspace: address.keyspace.clone() })
    }
}

impl StoreReader for CassandraReader {
    fn frontier(&mut self) -> Result<Option<DurableFrontier>, StoreError> {
        let read = frontier::durable(&self.client, Level::Quorum);
        Ok(self.client.run("cannot read the frontier", read)?.map(|(durable, _)| durable))
    }

    fn epoch(&mut self) -> Result<Option<u64>, StoreError> {
        self.client.run("cannot read the epoch", epoch::newest(&self.client)).map(Some)
    }

    fn heartbeat(&mut self) -> Result<Option<Heartbeat>, StoreError> {
        self.client.run("cannot read the heartbeat", heartbeat::read(&self.client))
    }

    fn newest_epoch(&mut self) -> Result<Option<NewestEpoch>, StoreError> {
        self.client.run("cannot read the epoch", epoch::opened(&self.client))
    }

    fn settings(&mut self) -> Result<Option<PipelineSettings>, StoreError> {
        let rows = self.client.run("cannot read the settings", meta::read(&self.client))?;
        Ok(PipelineSettings::from_rows(rows))
    }

    fn verification(&mut self) -> Result<Option<Verification>, StoreError> {
        let rows = self.client.run("cannot read the last comparison", meta::read(&self.client))?;
        Ok(Verification::from_rows(rows))
    }

    fn identity(&mut self) -> Result<Option<StoreIdentity>, StoreError> {
        self.client.run("cannot read the identity", identity::read(&self.client))
    }

    fn checkpoint(&mut self) -> Result<Option<(u64, Checkpoint)>, StoreError> {
        self.client.run("cannot read the checkpoint", checkpoint::committed(&self.client, Level::Quorum))
    }

    fn read_segments(&mut self, wanted: &[SegmentKey]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.client.run("cannot read the checkpoint", checkpoint::segments(&self.client, wanted))
    }

    fn segments(&mut self) -> Result<Vec<(SegmentKey, Option<u64>)>, StoreError> {
        let stored = self.client.run("cannot read the checkpoints", checkpoint::stored(&self.client))?;
        Ok(stored.into_iter().map(|key| (key, None)).collect())
    }

    fn frontiers(&mut self) -> Result<Vec<FrontierRow>, StoreError> {
        self.client.run("cannot read the frontiers", async {
            match frontier::durable(&self.client, Level::Quorum).await? {
                Some((durable, _)) => frontier::kept(&self.client, durable.row.frontier).await,
                None => Ok(Vec::new()),
            }
        })
    }

    fn candles(&mut self, symbol: &str, resolution: Resolution, range: Range) -> Result<Vec<StoredCandle>, StoreError> {
        self.client.run("cannot read candles", read_rows::candles(&self.client, symbol, resolution, range))
    }

    fn candles_of(
        &mut self,
        symbols: &[String],
        resolution: Resolution,
        range: Range,
    ) -> Result<Vec<Vec<StoredCandle>>, StoreError> {
        self.client.run("cannot read candles", read_rows::candles_of(&self.client, symbols, resolution, range))
    }

    fn indicators(&mut self, symbol: &str, range: Range) -> Result<Vec<StoredIndicators>, StoreError> {
        self.client.run("cannot read indicators", read_rows::indicators(&self.client, symbol, range))
    }

    fn latest(&mut self) -> Result<Vec<(String, StoredCandle)>, StoreError> {
        self.client.run("cannot read the latest candles", read_rows::latest(&self.client))
    }

    fn symbols(&mut self, wanted: &mut dyn FnMut(&Entry) -> bool) -> Result<Vec<Entry>, StoreError> {
        self.client.run("cannot read symbols", symbols::read(&self.client, wanted))
    }

    fn rejected(&mut self, wanted: &RejectedRange) -> Result<Vec<RejectedRow>, StoreError> {
        self.client.run("cannot read rejected records", rejected(&self.client, wanted))
    }

    fn gaps(&mut self, range: GapRange) -> Result<Vec<GapRow>, StoreError> {
        self.client.run("cannot read gaps", gaps::read(&self.client, range))
    }

    fn scan(&mut self, table: RowTable, visit: &mut RowVisitor<'_>) -> Result<(), StoreError> {
        self.client.run("cannot read its rows", scan::all(&self.client, table, visit))?
    }

    fn times_to_live(&mut self) -> Result<BTreeMap<String, u64>, StoreError> {
        self.client.run("cannot read the times to live", schema::times_to_live(&self.client, &self.keyspace))
    }
}

/// Columns of a rejected record.
type RejectedColumns = (i64, i64, String, Vec<u8>, i64, CqlTimestamp);

async fn rejected(client: &Client, wanted: &RejectedRange) -> Result<Vec<RejectedRow>, Failure> {
    let cql = "SELECT DISTINCT log_partition, bucket FROM rejected";
    let mut buckets: Vec<(i64, i64)> = client.rows(cql, Level::Quorum, &()).await?;
    buckets.sort_unstable();
    let (partition, offset, index) = wanted.after.unwrap_or_default();
    let after = wanted.after.map(|_| (i64::from(partition), int(offset), i64::from(index)));
    let from = int(wanted.from_offset);
    let bucket_of = |offset: i64| offset - offset % int(REJECTED_BUCKET);
    let cql = "SELECT log_offset, item, reason, original, original_bytes_total, as_of FROM rejected \
               WHERE log_partition = ? AND bucket = ? AND (log_offset, item) > (?, ?)";
    let mut all = Vec::new();
    for (partition, bucket) in buckets {
        let other = wanted.partition.is_some_and(|wanted| i64::from(wanted) != partition);
        let before = after.is_some_and(|(p, o, _)| (partition, bucket) < (p, bucket_of(o)));
        if other || before || bucket < bucket_of(from) {
            continue;
        }
        // After the previous page, and after the last offset below the range.
        let start = (from - 1, i64::MAX);
        let start = match after {
            Some((p, o, i)) if p == partition => start.max((o, i)),
            _ => start,
        };
        let key = (partition, bucket, start.0, start.1);
        // Reasons are filtered here, so the whole bucket is read.
        let most = if wanted.reason.is_some() { usize::MAX } else { wanted.limit - all.len() };
        for row in client.read::<RejectedColumns>(cql, Level::Quorum, &key, Pages { most, rows: REJECTED_PAGE }).await?
        {
            let row = rejected_row(partition, row)?;
            if wanted.reason.is_none_or(|reason| reason == row.reason) && all.len() < wanted.limit {
                all.push(row);
            }
        }
        if all.len() >= wanted.limit {
            break;
        }
    }
    Ok(all)
}

fn rejected_row(partition: i64, row: RejectedColumns) -> Result<RejectedRow, Failure> {
    let (offset, index, name, original, original_bytes_total, as_of) = row;
    let reason = Reason::from_name(&name);
    let small = |column, value: i64| {
        u32::try_from(value).map_err(|_| Failure::corrupt(format!("a rejected record's {column} is {value}")))
    };
    Ok(RejectedRow {
        partition: small("log_partition", partition)?,
        offset: unsigned("log_offset", offset)?,
        index: small("item", index)?,
        reason: reason.ok_or_else(|| Failure::corrupt(format!("a rejected record has the reason {name:?}")))?,
        original: original.into_boxed_slice(),
        original_bytes_total: unsigned("original_bytes_total", original_bytes_total)?,
        as_of: unsigned("as_of", as_of.0)?,
    })
}
