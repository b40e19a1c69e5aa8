//! A stand-in for Finnhub on this machine: REST and WebSocket with made-up trades, seeded, and with faults on request.
//!
//! Nothing here knows a real price. What happens is a function of the seed and the time of the event alone; only the
//! server's pace follows the wall clock.

pub mod builtin;
pub mod fault;
pub mod limit;
mod listing;
pub mod market;
pub mod price;
pub mod print;
mod rest;
pub mod rest_fault;
pub mod rng;
pub mod sent_trades;
pub mod server;
mod socket;
pub mod trade;
pub mod universe;

pub use server::{Simulator, SimulatorConfig, serve};
