//! `--listen HOST:PORT`.

use std::net::{SocketAddr, ToSocketAddrs as _};

/// Placeholder of the value in help texts.
pub const LISTEN: &str = "HOST:PORT";

/// Parser of an address to listen on. A name stands for its first address; port 0 picks any free port.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let invalid = || format!("invalid address {text:?}: expected HOST:PORT, e.g. 127.0.0.1:9101");
    text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next()).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_host_and_port() {
        for text in ["127.0.0.1:0", "0.0.0.0:8080", "[::1]:9101", "localhost:80"] {
            assert!(listen_address(text).is_ok(), "{text}");
        }
        for text in ["", "8080", "127.0.0.1", ":80"] {
            assert!(listen_address(text).is_err(), "{text}");
        }
    }
}
