//! Real Cassandra nodes, run by `scripts/cassandra-server`: a shared one with one keyspace per test, and separate ones
//! for tests that kill theirs.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::shared::server::Server;

/// Running node, stopped on drop.
#[derive(Debug)]
pub struct Node {
    /// `127.0.0.1:port` of its native protocol.
    pub address: String,
    /// The server process.
    pub server: Server,
}

/// The shared node. Never kill it, and use separate keyspaces.
pub fn shared() -> &'static Node {
    static SHARED: OnceLock<Node> = OnceLock::new();
    SHARED.get_or_init(|| Node::start(Path::new("-")))
}

/// A unique keyspace name. The keyspace is not created.
pub fn keyspace() -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("test_{}", LAST.fetch_add(1, Ordering::Relaxed))
}

impl Node {
    /// Starts a node with its data in `dir`, without security.
    pub fn start(dir: &Path) -> Self {
        Self::of(Server::run("cassandra-server", "run", dir, None))
    }

    /// Starts a node that accepts only TLS and authenticated users (`cassandra`, password `cassandra`); its authority
    /// is `ca.pem`.
    pub fn start_secured(dir: &Path) -> Self {
        Self::of(Server::run("cassandra-server", "secured", dir, None))
    }

    fn of(server: Server) -> Self {
        Self { address: server.words[0].clone(), server }
    }

    /// Store address of a keyspace of this node.
    pub fn store_address(&self, keyspace: &str) -> String {
        format!("cassandra://{}/{keyspace}", self.address)
    }
}
