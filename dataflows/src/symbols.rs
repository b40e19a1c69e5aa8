//! Symbols, and the symbol table: reference data that affects no candle.

pub mod entry;
pub mod symbol;
pub mod upserts;
