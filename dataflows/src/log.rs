//! What a record of the log is: its bytes, its trades in fixed point, its trade conditions, and why it can be rejected.

pub mod batch;
pub mod conditions;
pub mod control;
pub mod decimal;
pub mod decode;
mod json;
pub mod reject;
