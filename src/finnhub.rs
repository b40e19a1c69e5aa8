//! Finnhub client: a WebSocket feed that stays connected, and the REST interface.
//!
//! ```text
//! config           the feed's settings
//! client           connection after connection, with the gaps between them
//! connection       one connection: connect, subscribe, next text or sign of life
//! life             what counts as a sign of life, and when a connection is dead
//! error            why a connection failed
//! backoff          pause before the next attempt
//! message          parsing of the feed's texts (trades, ping, error), elements kept byte for byte
//! rest             REST calls within the rate limits, and parsing of the symbol lists
//! exchanges        the stock exchanges, as data
//! default_symbols  well-known symbols, used without a watch list
//! ```

pub mod backoff;
pub mod client;
pub mod config;
pub mod connection;
pub mod default_symbols;
pub mod error;
pub mod exchanges;
pub mod life;
pub mod message;
pub mod rest;

pub use crate::secret::Secret;
pub use client::FeedEvent;
pub use config::FeedConfig;
