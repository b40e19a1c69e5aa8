//! Reads gaps: they are few, and in buckets by the month in which they start.

use dataflows::output::row::GapRow;
use scylla::value::{CqlDate, CqlTimestamp};

use super::error::Failure;
use super::frontier::unsigned;
use super::session::{Client, Level};
use super::values::date;
use crate::store::{GapRange, table};

/// Columns of a gap.
type Columns = (i64, i64, String, CqlTimestamp, CqlTimestamp, String, CqlTimestamp);

/// The gaps of a range. One that starts long before it may reach into it, so all earlier buckets are read, too.
pub async fn read(client: &Client, range: GapRange) -> Result<Vec<GapRow>, Failure> {
    let buckets: Vec<(CqlDate,)> = client.rows("SELECT DISTINCT bucket FROM gaps", Level::Quorum, &()).await?;
    let last = date(table::gap_bucket_ms(range.bounds().1));
    let buckets = buckets.into_iter().filter(|(bucket,)| bucket.0 <= last.0);
    let cql = "SELECT log_partition, log_offset, source, gap_start, gap_end, cause, as_of FROM gaps WHERE bucket = ?";
    let parts =
        client.gather(buckets, async |bucket| client.rows::<Columns>(cql, Level::Quorum, &bucket).await).await?;
    let rows = parts.into_iter().flatten().map(gap).collect::<Result<Vec<_>, _>>()?;
    Ok(rows.into_iter().filter(|row| range.contains(row)).collect())
}

fn gap((partition, offset, source, start, end, cause, as_of): Columns) -> Result<GapRow, Failure> {
    let invalid = |_| Failure::corrupt(format!("a gap's log_partition is {partition}"));
    Ok(GapRow {
        partition: u32::try_from(partition).map_err(invalid)?,
        offset: unsigned("log_offset", offset)?,
        source: source.into_boxed_str(),
        from_ms: start.0,
        to_ms: end.0,
        cause: cause.into_boxed_str(),
        as_of: unsigned("as_of", as_of.0)?,
    })
}
