//! Where a process listens.

use std::net::SocketAddr;

/// An address and a port to listen on.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an address and a port, as in 127.0.0.1:9101".to_owned())
}
