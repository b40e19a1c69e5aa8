//! The rows that a store should hold: a replay writes them to a temporary file, and a comparison takes them out one by
//! one. What is left then is missing in the store. Memory stays bounded, whatever the number of rows.

use std::path::PathBuf;

use rusqlite::types::{ToSql, ToSqlOutput, Value};
use rusqlite::{Connection, params_from_iter};
use tempfile::TempDir;

use super::error::{Failure, failed};
use super::{SqliteStore, scan, schema};
use crate::process::os_error;
use crate::store::{Cell, RowTable, RowVisitor, Store, StoreError};

/// Why an operation on the file fails; messages name the file.
const WHAT: &str = "cannot compare with the rows of the replay";

/// Rows in a temporary file, which is removed with this value.
#[derive(Debug)]
pub struct ExpectedRows {
    /// Removed last.
    directory: TempDir,
    connection: Option<Connection>,
}

impl ExpectedRows {
    /// Makes an empty file in the directory for temporary files (`TMPDIR`).
    pub fn create() -> Result<Self, StoreError> {
        let directory = tempfile::Builder::new().prefix("tickline-verify-").tempdir().map_err(|error| {
            failed(&std::env::temp_dir(), "cannot make a temporary directory there", os_error::why(&error))
        })?;
        Ok(Self { directory, connection: None })
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("rows.db")
    }

    /// The store for the replay to write to. It must be dropped before rows are taken.
    pub fn writer(&self) -> Result<Box<dyn Store>, StoreError> {
        let store = SqliteStore::open(&self.path())?;
        // Nobody needs this file after a crash.
        store.connection.pragma_update(None, "synchronous", "OFF").map_err(|error| self.at(error))?;
        Ok(Box::new(store))
    }

    /// Removes and returns the expected row with the key of `row`, whose values are in the order of
    /// [`RowTable::columns`]; `None` if none is expected.
    pub fn take(&mut self, table: RowTable, row: &[Cell]) -> Result<Option<Vec<Cell>>, StoreError> {
        let path = self.path();
        let (key, columns) = (table.key(), table.columns());
        let wanted = (1..).zip(key).map(|(at, name)| format!("{name} = ?{at}")).collect::<Vec<_>>().join(" AND ");
        let sql = format!("DELETE FROM {} WHERE {wanted} RETURNING {}", table.name(), columns.join(", "));
        let run = |connection: &Connection| -> Result<Option<Vec<Cell>>, Failure> {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params_from_iter(&row[..key.len()]))?;
            let taken = rows.next()?.map(|row| scan::cells(row, columns.len())).transpose()?;
            // A statement that changes rows takes effect when it is stepped to its end.
            while rows.next()?.is_some() {}
            Ok(taken)
        };
        run(self.connection()?).map_err(|error| error.at(&path, WHAT))
    }

    /// Visits the rows that were not taken, ascending by key.
    pub fn rest(&mut self, table: RowTable, visit: &mut RowVisitor<'_>) -> Result<(), StoreError> {
        let path = self.path();
        scan::all(self.connection()?, &path, table, visit)
    }

    /// The connection, with one transaction that is never committed.
    fn connection(&mut self) -> Result<&Connection, StoreError> {
        let path = self.path();
        if self.connection.is_none() {
            let open = || -> Result<Connection, Failure> {
                let connection = schema::open_writer(&path)?;
                connection.execute_batch("PRAGMA synchronous = OFF; BEGIN")?;
                Ok(connection)
            };
            self.connection = Some(open().map_err(|error| error.at(&path, WHAT))?);
        }
        self.connection.as_ref().ok_or_else(|| failed(&path, WHAT, "it is not open".to_owned()))
    }

    fn at(&self, error: rusqlite::Error) -> StoreError {
        Failure::from(error).at(&self.path(), WHAT)
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Int(value) => ToSqlOutput::Owned(Value::Integer(*value)),
            Self::Double(value) => ToSqlOutput::Owned(Value::Real(*value)),
            Self::Text(text) => text.as_str().to_sql()?,
            Self::Blob(bytes) => bytes.as_slice().to_sql()?,
        })
    }
}
