//! Records of the log: bytes, control records, trades in fixed point, trade conditions, and reject reasons.

pub mod batch;
pub mod binding;
pub mod conditions;
pub mod control;
pub mod decimal;
pub mod decode;
pub mod json;
pub mod reject;
