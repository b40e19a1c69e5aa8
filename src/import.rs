//! Import of trades from files: reading, merging by event time, and writing to a log with exact progress.
//!
//! Every input is read once, whatever its order, into sorted runs ([`sorter`]); nothing is written to the log before
//! all inputs are read. What is then written to each partition is a function of the inputs alone ([`sequence`]), so
//! that an interrupted import finds what it has already written and continues after it ([`written`]).

mod compression;
mod csv;
pub mod decimal_text;
pub mod error;
pub mod event_time;
pub mod fields;
pub mod input;
mod json;
mod json_values;
mod lines;
pub mod log_state;
pub mod look;
mod old_log;
pub mod options;
mod parquet;
pub mod preset;
pub mod read;
pub mod records;
pub mod sequence;
pub(crate) mod shape;
pub mod sorter;
mod spill;
mod utf16;
pub mod write;
pub mod written;

pub use error::ImportError;
