//! Reads whole tables, page by page.

use dataflows::progress::time::DAY_MS;
use scylla::value::{CqlValue, Row};

use super::error::Failure;
use super::session::{Client, Level, Pages};
use crate::store::{Cell, RowTable, RowVisitor, StoreError};

/// Page size. A rejected record may hold 64 KiB.
const ROWS: i32 = 500;

/// Visits every row of a table. The inner error is that of the visitor.
pub async fn all(
    client: &Client,
    table: RowTable,
    visit: &mut RowVisitor<'_>,
) -> Result<Result<(), StoreError>, Failure> {
    // The last of the columns is a value: a key has no time to live.
    let cql = format!("SELECT {}, TTL(as_of) FROM {}", table.columns().join(", "), table.name());
    let pages = Pages { rows: ROWS, ..Pages::ALL };
    let mut stopped = Ok(());
    let page = |rows: Vec<Row>| {
        for row in rows {
            let mut columns = row.columns;
            let left_s = columns.pop().flatten().and_then(|left| u64::try_from(left.as_int()?).ok());
            stopped = visit(columns.into_iter().map(cell).collect::<Result<_, _>>()?, left_s);
            if stopped.is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    };
    client.pages(&cql, Level::Quorum, &(), pages, page).await?;
    Ok(stopped)
}

fn cell(value: Option<CqlValue>) -> Result<Cell, Failure> {
    Ok(match value {
        None => Cell::Null,
        Some(CqlValue::Text(text)) => Cell::Text(text),
        Some(CqlValue::BigInt(value)) => Cell::Int(value),
        Some(CqlValue::Double(value)) => Cell::Double(value),
        Some(CqlValue::Timestamp(time)) => Cell::Int(time.0),
        // Days are counted from 2^31.
        Some(CqlValue::Date(day)) => Cell::Int((i64::from(day.0) - (1 << 31)) * DAY_MS as i64),
        Some(CqlValue::Blob(bytes)) => Cell::Blob(bytes),
        Some(other) => return Err(Failure::corrupt(format!("a row holds the value {other:?}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::cassandra::values::date;

    #[test]
    fn a_date_is_the_time_of_its_first_moment() {
        for day in [0, 1, 19_724] {
            let cell = cell(Some(CqlValue::Date(date(day * DAY_MS)))).unwrap();
            assert_eq!(cell.int(), Some((day * DAY_MS) as i64));
        }
    }
}
