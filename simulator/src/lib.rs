//! Finnhub simulator: REST and WebSocket with made-up trades, seeded, and with faults on request.
//!
//! Trades are a function of the seed and their event time alone; only the pace of the server follows the wall clock.

pub mod builtin;
mod clock;
pub mod fault;
pub mod instrument;
pub mod limit;
mod listing;
pub mod market;
pub mod price;
pub mod print;
mod requests;
mod rest;
pub mod rest_fault;
pub mod rng;
pub mod sent_trades;
pub mod server;
mod socket;
pub mod state;
pub mod trade;
pub mod universe;

pub use server::{Simulator, serve};
pub use state::SimulatorConfig;
