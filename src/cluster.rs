//! One pipeline on many processes: how they find each other, and how the loss of one is noticed.
//!
//! ```text
//!  1. star   every process dials process 0 and says who it is        door, hello, star, join
//!  2. plan   process 0 opens the epoch, and tells it and the checkpoint to all
//!  3. mesh   every process dials those with a lower index            join
//!  4. ready  all say so to process 0; the sockets go to timely       peer
//! ```
//! So a newer epoch in the store means that a whole new cluster has come together. What knocks and is no peer is
//! dropped and counted; a peer that does not fit is told why, and ends.
//!
//! A process that is lost ends all others with exit code 5: timely has no way to let one join again. They all start
//! anew, from the last checkpoint, under the next epoch.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::exit_code::ExitCode;
use crate::tls::BadCertificates;

pub mod connection;
pub mod coordinator;
pub mod handshake;
pub mod hosts;
pub mod listener;
pub mod member;
pub mod peer;
pub mod tls;
pub mod wire;

/// How this process takes part.
#[derive(Clone)]
pub struct ClusterConfig {
    /// The number of this process.
    pub index: usize,
    /// `host:port` of each process.
    pub hosts: Vec<String>,
    /// What must be the same in all processes, by name; beside what the worker host adds.
    pub about: BTreeMap<String, String>,
    /// How messages name the store.
    pub store: String,
    /// Encrypts, and lets in only those whose certificate is for their host.
    pub tls: Option<Arc<tls::Tls>>,
    /// Asks the store for its newest epoch; `None` when it cannot be told.
    pub newest_epoch: Arc<dyn Fn() -> Option<u64> + Send + Sync>,
}

impl fmt::Debug for ClusterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, hosts, about, store, tls, newest_epoch: _ } = self;
        f.debug_struct("ClusterConfig")
            .field("index", index)
            .field("hosts", hosts)
            .field("about", about)
            .field("store", store)
            .field("tls", &tls.is_some())
            .finish_non_exhaustive()
    }
}

/// Why a cluster does not come together, or ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The file of hosts cannot be used.
    #[error("the hosts in {}: {why}", path.display())]
    Hosts {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// This process cannot be reached.
    #[error("process {index} cannot listen on {address}: {why}")]
    Listen {
        /// Its number.
        index: usize,
        /// Its line of the file of hosts.
        address: String,
        /// What the system says.
        why: String,
    },
    /// Another process does not want this one.
    #[error("process {index} was refused by process {by} at {address}: {why}")]
    Refused {
        /// Our number.
        index: usize,
        /// The number of the other one.
        by: usize,
        /// Where it is.
        address: String,
        /// Why, with both values, and what to do.
        why: String,
    },
    /// A peer was lost. All start anew.
    #[error("process {index} at {address} was lost: {why}; all processes start again from the last checkpoint")]
    PeerLost {
        /// Its number.
        index: usize,
        /// Where it was.
        address: String,
        /// How that was noticed.
        why: String,
    },
    /// The certificates cannot be used.
    #[error("the certificates in {}: {why}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The bytes of this program cannot be read.
    #[error("the program's own file cannot be read, to tell whether all processes run the same one: {0}")]
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
            Self::Hosts { .. } | Self::Tls { .. } | Self::Refused { .. } => 2,
            Self::PeerLost { .. } => 5,
            Self::Listen { .. } | Self::Build(_) => 1,
        }
    }
}
