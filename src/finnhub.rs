//! The feed: Finnhub's WebSocket, its protocol and a client that stays connected.
//!
//! ```text
//! frame   what a text from the feed is (trades, ping, error), elements kept byte for byte
//! socket  one connection: connect, subscribe, next text
//! backoff how long to wait before the next attempt
//! feed    connection after connection, with the gaps between them
//! popular well-known symbols, for who has no list
//! ```

pub mod backoff;
pub mod feed;
pub mod frame;
pub mod popular;
pub mod secret;
pub mod socket;

pub use feed::{FeedConfig, FeedEvent};
pub use secret::Secret;
