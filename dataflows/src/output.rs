//! Outputs of the dataflow: rows, their doubles, their digest, and the frontier row that counts them.

pub mod counters;
pub mod digest;
pub mod digest_operator;
pub mod frontier_row;
pub mod ledger;
pub mod row;
pub mod to_f64;
