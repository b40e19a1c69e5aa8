//! What SQLite says, in words that tell what to do next.

use std::path::Path;

use rusqlite::{Error, ErrorCode};

use crate::store::StoreError;
use crate::store::frontier_row::Damage;

/// Why something failed, before it is known where.
#[derive(Debug)]
pub enum Failure {
    /// SQLite's own error.
    Sqlite(Error),
    /// Another epoch has taken over.
    Fenced { ours: u64, theirs: u64 },
    /// What is there cannot have been written.
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
    /// A value in the store that cannot be what was written.
    pub fn corrupt(what: impl Into<String>) -> Self {
        let hint = "restore the file, or remove it and work through the log again".to_string();
        Self::Corrupt { what: what.into(), hint }
    }

    /// Says where it happened.
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

/// The store refused.
pub fn failed(path: &Path, what: &'static str, why: String) -> StoreError {
    StoreError::Failed { path: path.display().to_string(), what, why }
}

fn why(code: ErrorCode, error: &Error) -> String {
    let hint = match code {
        ErrorCode::DiskFull => "the disk is full: make room and start again",
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            "it may not be written: check who owns the file and its directory, and their modes"
        }
        ErrorCode::CannotOpen => "it cannot be opened: check the path, who owns it, and its mode",
        ErrorCode::SystemIoFailure => "it cannot be read or written: check the path, that it is a file, and the disk",
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => "another program holds it: end that one first",
        _ => return error.to_string(),
    };
    format!("{hint} ({error})")
}

/// A value of a wrong type or size was read.
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
    fn codes_become_words_and_exit_codes() {
        let cases = [
            (ffi::SQLITE_FULL, "disk is full", 1),
            (ffi::SQLITE_READONLY, "may not be written", 1),
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
