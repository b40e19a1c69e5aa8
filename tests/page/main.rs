//! The page in a real browser: node drives Debian's Chromium, and what is shown is held against the store's own rows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

mod exact;
mod late;
mod look;
#[path = "../shared/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod process;
mod restart;
mod scene;
mod script;
mod search;
#[path = "../shared/tables.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod tables;
