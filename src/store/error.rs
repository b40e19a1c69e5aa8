//! Store errors and the exit code of each.

use crate::exit_code::ExitCode;

/// What can go wrong with a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The text after `--store` is not one.
    #[error("{text:?} is no store: write sqlite:PATH, cassandra://HOST:PORT/KEYSPACE or none")]
    BadAddress {
        /// What was given.
        text: String,
    },
    /// There is no store there.
    #[error("there is no store at {path}: {hint}")]
    Missing {
        /// Where it was looked for.
        path: String,
        /// What to do next.
        hint: String,
    },
    /// A newer epoch has taken over.
    #[error("epoch {ours} was fenced by epoch {theirs}: another worker has taken over {path}; this one ends")]
    Fenced {
        /// The store.
        path: String,
        /// Our epoch.
        ours: u64,
        /// The newer one.
        theirs: u64,
    },
    /// Another process holds the embedded store.
    #[error("{path} is in use by another worker ({holder}): stop that one first")]
    Locked {
        /// The store.
        path: String,
        /// What is known of the other process.
        holder: String,
    },
    /// What the store holds cannot be what was written.
    #[error("{path} is damaged: {what}; {hint}")]
    Corrupt {
        /// The store.
        path: String,
        /// What was found.
        what: String,
        /// What to do next.
        hint: String,
    },
    /// A file that says how the store is reached cannot be used.
    #[error("{path} cannot be used as the configuration of a store: {why}")]
    BadConfig {
        /// The file.
        path: String,
        /// Why not, without any secret.
        why: String,
    },
    /// The tables are not those that this program knows.
    #[error("{path}: {why}")]
    Schema {
        /// The store.
        path: String,
        /// What differs, and what to do next.
        why: String,
    },
    /// The store refused.
    #[error("{path}: {what}: {why}")]
    Failed {
        /// The store.
        path: String,
        /// What was being done.
        what: &'static str,
        /// Why it failed, and what to do next where that is known.
        why: String,
    },
}

impl ExitCode for StoreError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::BadAddress { .. } | Self::Missing { .. } | Self::BadConfig { .. } | Self::Schema { .. } => 2,
            Self::Corrupt { .. } => 3,
            Self::Fenced { .. } => 4,
            Self::Locked { .. } | Self::Failed { .. } => 1,
        }
    }
}
