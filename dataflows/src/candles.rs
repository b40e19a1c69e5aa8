//! Candles: what a window holds, how a time step is applied, and the operator around both.

pub mod candle;
pub mod operator;
pub mod series;
pub mod state;
