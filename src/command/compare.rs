//! Comparison of a store's rows with those of a replay, for `verify --rows` and `replay --diff`.

pub mod beginning;
pub mod counts;
pub mod difference;
mod expiry;
pub mod rows;
