//! HTTP servers with bounds: connections in all and per address, time to send a request, and time to take an answer.
//!
//! The page and the metrics of every process are served by it. axum's own `serve` has none of these bounds.

pub mod connections;
pub mod headers;
pub mod limits;
pub mod open_files;
pub mod server;
mod socket;
