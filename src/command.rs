//! The commands, one module each: a struct of arguments, and `run`.

pub mod bench;
pub mod calendar;
pub mod candles;
pub mod checkpoint;
pub mod cli;
mod compare;
pub mod completions;
pub mod config_file;
pub mod dashboard;
pub mod demo;
pub mod explain;
pub mod gaps;
pub mod import;
pub mod indicators;
pub mod ingest;
pub mod man;
pub mod options;
pub(crate) mod output;
pub mod pace;
pub mod play;
pub mod rejected;
pub mod renamed;
pub mod replay;
mod resume;
pub mod setup;
pub mod simulate;
pub mod source;
pub mod status;
mod stop;
pub mod symbols;
pub mod top;
pub mod verify;
pub mod work;

use crate::exit_code::ExitCode;

/// Wrong usage or configuration.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

impl ExitCode for UsageError {
    fn exit_code(&self) -> u8 {
        2
    }
}
