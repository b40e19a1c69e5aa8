//! How commands show what they read: tables, CSV, JSON and charts, and progress on the way.

pub mod candlestick;
pub mod chart;
pub mod format;
pub mod progress;
pub mod suggest;
pub mod table;
