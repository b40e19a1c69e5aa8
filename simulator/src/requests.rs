//! Requests of clients.

use serde::Deserialize;

/// Query of a URL with an API token.
#[derive(Deserialize)]
pub(super) struct TokenQuery {
    #[serde(default)]
    pub token: String,
}

/// Message of a WebSocket client.
#[derive(Deserialize)]
pub(super) struct Request {
    pub r#type: String,
    pub symbol: String,
}
