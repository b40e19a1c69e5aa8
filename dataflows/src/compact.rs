//! Many small values in little memory: records of a fixed size, without the bytes that their numbers do not need.

pub mod deque;
pub mod fields;
