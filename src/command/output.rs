//! Output of commands: tables, CSV, JSON, charts, and progress.

pub mod candlestick;
pub mod chart;
pub mod format;
pub mod number;
pub mod progress;
pub mod suggest;
pub mod table;
