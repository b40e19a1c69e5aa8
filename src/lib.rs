//! Everything in Tickline that does I/O: feed, log, store, worker host, dashboard, command line.
//!
//! The contents of rows, and when they are complete, are defined in the pure crate `dataflows`, never here.
pub mod as_of;
pub mod calendar;
pub mod cluster;
pub mod command;
pub mod csv_cell;
pub mod dashboard;
pub mod escape;
pub mod exit_code;
pub mod explain;
pub mod finnhub;
pub mod http;
pub mod import;
pub mod ingest;
pub mod log;
pub mod metrics;
pub mod pace;
pub mod pipeline_state;
pub mod play;
pub mod process;
pub mod rejected;
pub mod replay;
pub mod retry;
pub mod secret;
pub mod shell_word;
pub mod store;
pub mod symbols;
pub mod time;
pub mod tls;
pub mod worker;
