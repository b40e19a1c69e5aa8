//! Reads whole tables, row by row.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::error::Failure;
use crate::store::{Cell, RowTable, RowVisitor, StoreError};

/// Visits every row of a table, ascending by key.
pub fn all(
    connection: &Connection,
    path: &Path,
    table: RowTable,
    visit: &mut RowVisitor<'_>,
) -> Result<(), StoreError> {
    let at = |error: rusqlite::Error| Failure::from(error).at(path, "cannot read its rows");
    let (columns, key) = (table.columns(), table.key().join(", "));
    let sql = format!("SELECT {} FROM {} ORDER BY {key}", columns.join(", "), table.name());
    let mut statement = connection.prepare(&sql).map_err(at)?;
    let mut rows = statement.query([]).map_err(at)?;
    while let Some(row) = rows.next().map_err(at)? {
        visit(cells(row, columns.len()).map_err(|error| error.at(path, "cannot read its rows"))?, None)?;
    }
    Ok(())
}

/// The first `count` values of a row.
pub fn cells(row: &Row, count: usize) -> Result<Vec<Cell>, Failure> {
    (0..count).map(|at| cell(row.get_ref(at)?)).collect()
}

fn cell(value: ValueRef) -> Result<Cell, Failure> {
    Ok(match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(value) => Cell::Int(value),
        ValueRef::Real(value) => Cell::Double(value),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
        ValueRef::Text(text) => {
            let text =
                std::str::from_utf8(text).map_err(|_| Failure::corrupt("a row holds a text that is not UTF-8"))?;
            Cell::Text(text.to_owned())
        }
    })
}
