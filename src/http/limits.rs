//! Limits of an HTTP server.

use std::time::Duration;

/// What clients of a server may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Maximum number of open connections. Beyond it the longest idle one is closed for a new one.
    pub connections_max: usize,
    /// Maximum number of open connections from one address; a proxy in front of the server is one.
    pub per_address_max: usize,
    /// How long a client may take to send a request, and how long a connection may be idle.
    pub header_wait: Duration,
    /// How long a client may take nothing of an answer before its connection is closed.
    pub write_wait: Duration,
}

impl Limits {
    /// For the page, whose viewers each hold a connection.
    pub const PAGE: Self = Self {
        connections_max: 1_200,
        per_address_max: 1_100,
        header_wait: Duration::from_secs(15),
        write_wait: Duration::from_secs(20),
    };
    /// For metrics and health, which a few programs ask for.
    pub const PROBES: Self = Self {
        connections_max: 64,
        per_address_max: 48,
        header_wait: Duration::from_secs(15),
        write_wait: Duration::from_secs(20),
    };
}
