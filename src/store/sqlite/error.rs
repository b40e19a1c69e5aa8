//! SQLite errors, with a hint what to do next.

use std::path::Path;

use rusqlite::{Error, ErrorCode};

use crate::store::StoreError;
use crate::store::frontier_row::Damage;

/// A failure without its place.
#[derive(Debug)]
pub enum Failure {
    /// An error of SQLite.
    Sqlite(Error),
    /// Fenced by a newer epoch.
    Fenced { ours: u64, theirs: u64 },
    /// The stored data cannot have been written.
    Corrupt { what: String, hint: String },
    /// Anything else.
    Other(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Damage> for Failure {
    fn from(damage: Damage) -> Self {
        match damage {
            Damage::Value(what) => Self::corrupt(what),
            Damage::Differs { what, hint } => Self::Corrupt { what, hint },
        }
    }
}

impl Failure {
    /// An invalid value in the store.
    pub fn corrupt(what: impl Into<String>) -> Self {
        let hint = "restore the file, or remove it and process the log again".to_string();
        Self::Corrupt { what: what.into(), hint }
    }

    /// Adds the store and the failed operation.
    pub fn at(self, path: &Path, what: &'static str) -> StoreError {
        let path_text = path.display().to_string();
        match self {
            Self::Fenced { ours, theirs } => StoreError::Fenced { path: path_text, ours, theirs },
            Self::Corrupt { what, hint } => StoreError::Corrupt { path: path_text, what, hint },
            Self::Other(why) => failed(path, what, why),
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    Self::corrupt(error.to_string()).at(path, what)
                }
                Some(code) => failed(path, what, why(code, &error)),
                None if is_value_error(&error) => Self::corrupt(error.to_string()).at(path, what),
                None => failed(path, what, error.to_string()),
            },
        }
    }
}

/// Any other failure.
pub fn failed(path: &Path, what: &'static str, why: String) -> StoreError {
    StoreError::Failed { path: path.display().to_string(), what, why }
}

fn why(code: ErrorCode, error: &Error) -> String {
    let hint = match code {
        ErrorCode::DiskFull => "the disk is full: free some space and restart",
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            "it is not writable: check the owner and mode of the file and its directory"
        }
        ErrorCode::CannotOpen => "it cannot be opened: check the path, its owner and its mode",
        ErrorCode::SystemIoFailure => "it cannot be read or written: check the path, that it is a file, and the disk",
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => "another program has locked it: end that one first",
        _ => return error.to_string(),
    };
    format!("{hint} ({error})")
}

/// Whether a value of the wrong type or size was read.
fn is_value_error(error: &Error) -> bool {
    matches!(
        error,
        Error::FromSqlConversionFailure(..) | Error::IntegralValueOutOfRange(..) | Error::InvalidColumnType(..)
    )
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;
    use crate::exit_code::ExitCode as _;

    #[test]
    fn error_codes_map_to_hints() {
        let cases = [
            (ffi::SQLITE_FULL, "disk is full", 1),
            (ffi::SQLITE_READONLY, "not writable", 1),
            (ffi::SQLITE_CANTOPEN, "cannot be opened", 1),
            (ffi::SQLITE_BUSY, "another program", 1),
            (ffi::SQLITE_CORRUPT, "damaged", 3),
            (ffi::SQLITE_NOTADB, "damaged", 3),
        ];
        for (code, words, exit_code) in cases {
            let error = Failure::from(Error::SqliteFailure(ffi::Error::new(code), None)).at(Path::new("x"), "cannot");
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(error.exit_code(), exit_code, "{error}");
        }
    }
}
