//! Indicators: the chain from one candle to the next, and its correction after a late trade.

pub mod anchors;
pub mod chain;
pub mod history;
