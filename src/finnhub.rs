//! The feed: Finnhub's WebSocket, its protocol and a client that stays connected.

pub mod secret;
