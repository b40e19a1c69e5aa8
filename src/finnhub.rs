//! Finnhub: its WebSocket and a client that stays connected, and its REST interface.
//!
//! ```text
//! frame   what a text from the feed is (trades, ping, error), elements kept byte for byte
//! socket  one connection: connect, subscribe, next text
//! backoff how long to wait before the next attempt
//! feed    connection after connection, with the gaps between them
//! rest    one call after the other, within the limits; what an answer lists
//! exchanges the stock exchanges that there are, as data
//! popular well-known symbols, for who has no list
//! ```

pub mod backoff;
pub mod client;
pub mod connection;
pub mod default_symbols;
pub mod exchanges;
pub mod message;
pub mod rest;

pub use crate::secret::Secret;
pub use client::{FeedConfig, FeedEvent};
