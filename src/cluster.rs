//! One pipeline on many processes: how they connect, and how the loss of one is detected.
//!
//! ```text
//!  1. join   every process connects to process 0 and identifies itself     listener, handshake, coordinator, member
//!  2. plan   process 0 opens the epoch, and sends it and the checkpoint to all
//!  3. mesh   every process connects to those with a lower index           member
//!  4. ready  all report to process 0 that they have read their shards, and it starts all; timely takes over the
//!            sockets                                                       peer
//! ```
//! Until then, process 0 and the others send each other heartbeats: no deadline depends on how long the store takes.
//! So a newer epoch in the store means that a complete new cluster has formed. Connections that are not from a peer are
//! dropped and counted; a process that does not fit is rejected with the reason, and exits.
//!
//! The loss of one process ends all others with exit code 5, because timely cannot let one rejoin. They all restart
//! from the last checkpoint, under the next epoch.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::exit_code::ExitCode;
use crate::tls::BadCertificates;

pub mod connection;
pub mod coordinator;
pub mod handshake;
mod heartbeats;
pub mod hosts;
pub mod listener;
pub mod member;
pub mod peer;
pub mod tls;
pub mod wire;

/// Settings of one process of a cluster.
#[derive(Clone)]
pub struct ClusterConfig {
    /// The index of this process.
    pub index: usize,
    /// `host:port` of each process.
    pub hosts: Vec<String>,
    /// Settings that must be the same in all processes, by name. The worker host adds its own.
    pub shared_settings: BTreeMap<String, String>,
    /// The name of the store in messages.
    pub store: String,
    /// Mutual TLS between the processes, if enabled.
    pub tls: Option<Arc<tls::Tls>>,
    /// Reads the store's newest epoch; `None` if it cannot be read.
    pub newest_epoch: Arc<dyn Fn() -> Option<u64> + Send + Sync>,
}

impl fmt::Debug for ClusterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, hosts, shared_settings, store, tls, newest_epoch: _ } = self;
        f.debug_struct("ClusterConfig")
            .field("index", index)
            .field("hosts", hosts)
            .field("shared_settings", shared_settings)
            .field("store", store)
            .field("tls", &tls.is_some())
            .finish_non_exhaustive()
    }
}

/// Error that keeps a cluster from forming, or ends it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The hosts file cannot be used.
    #[error("invalid hosts file {}: {why}", path.display())]
    Hosts {
        /// The file.
        path: PathBuf,
        /// The problem, and what to do.
        why: String,
    },
    /// This process cannot listen.
    #[error("process {index} cannot listen on {address}, its line in the hosts file")]
    Listen {
        /// The index of this process.
        index: usize,
        /// Its line in the hosts file.
        address: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// Another process has rejected this one.
    #[error("process {index} was rejected by process {by} at {address}: {why}")]
    Rejected {
        /// The index of this process.
        index: usize,
        /// The index of the other one.
        by: usize,
        /// The address of the other one.
        address: String,
        /// The reason, with both values, and what to do.
        why: String,
    },
    /// A peer was lost. All processes restart.
    #[error("process {index} at {address} was lost: {why}; all processes must restart from the last checkpoint")]
    PeerLost {
        /// The index of the peer.
        index: usize,
        /// The address of the peer.
        address: String,
        /// How the loss was detected.
        why: String,
    },
    /// Another process was asked to stop, and this one with it.
    #[error("another process of the cluster was stopped; all processes must restart from the last checkpoint")]
    Stopped,
    /// The certificates cannot be used.
    #[error("cannot use the certificates in {}: {why}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// The problem.
        why: String,
    },
    /// The program file cannot be read.
    #[error("cannot read the program file, to check that all processes run the same build")]
    Build(#[source] std::io::Error),
}

impl From<BadCertificates> for ClusterError {
    fn from(bad: BadCertificates) -> Self {
        Self::Tls { path: bad.path.into(), why: bad.why }
    }
}

impl ExitCode for ClusterError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Hosts { .. } | Self::Tls { .. } | Self::Rejected { .. } => 2,
            Self::PeerLost { .. } | Self::Stopped => 5,
            Self::Listen { .. } | Self::Build(_) => 1,
        }
    }
}
