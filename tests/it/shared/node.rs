//! A real Cassandra node, run by `scripts/cassandra-server`: one that all tests of a process share, with a keyspace a
//! test, and one of its own for a test that kills it.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::shared::server::Server;

/// A node that runs, until it is dropped.
#[derive(Debug)]
pub struct Node {
    /// `127.0.0.1:port` of its native protocol.
    pub address: String,
    /// The process behind it.
    pub server: Server,
}

/// The node that all tests of this process share: never kill it, and use keyspaces of your own.
pub fn shared() -> &'static Node {
    static SHARED: OnceLock<Node> = OnceLock::new();
    SHARED.get_or_init(|| Node::start(Path::new("-")))
}

/// The name of a keyspace that nobody else has. It is not made.
pub fn keyspace() -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("test_{}", LAST.fetch_add(1, Ordering::Relaxed))
}

impl Node {
    /// Starts a node with its data in `dir`, without security.
    pub fn start(dir: &Path) -> Self {
        Self::of(Server::run("cassandra-server", "run", dir, None))
    }

    /// Starts a node that takes only TLS and users (`cassandra`, password `cassandra`); its authority is `ca.pem`.
    pub fn start_secured(dir: &Path) -> Self {
        Self::of(Server::run("cassandra-server", "secured", dir, None))
    }

    fn of(server: Server) -> Self {
        Self { address: server.told[0].clone(), server }
    }

    /// What `--store` takes for a keyspace of this node.
    pub fn store_address(&self, keyspace: &str) -> String {
        format!("cassandra://{}/{keyspace}", self.address)
    }
}
