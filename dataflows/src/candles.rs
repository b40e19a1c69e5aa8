//! Candles: the merge of trades, the state that applies time steps, and the operator around both.

pub mod candle;
pub mod group;
mod idle;
pub mod operator;
pub mod series;
pub mod state;
pub mod symbol_state;
