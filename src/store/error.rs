//! Store errors and the exit code of each.

use crate::exit_code::ExitCode;

/// Error of a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Invalid store address.
    #[error("invalid store address {text:?}: expected sqlite:PATH, cassandra://HOST:PORT/KEYSPACE or none")]
    BadAddress {
        /// The given text.
        text: String,
    },
    /// User or password in an address.
    #[error(
        "a user and password must not be in the store address, because addresses are shown: put user and \
         password_file into a file of connection settings, and write cassandra://HOST:PORT/KEYSPACE?config=FILE"
    )]
    UserInAddress,
    /// The store does not exist.
    #[error("no store at {path}: {hint}")]
    Missing {
        /// Its path or address.
        path: String,
        /// What to do next.
        hint: String,
    },
    /// Fenced by a newer epoch.
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
        /// The other process, as its lock file names it.
        holder: String,
    },
    /// The store holds data that cannot have been written.
    #[error("{path} is damaged: {what}; {hint}")]
    Corrupt {
        /// The store.
        path: String,
        /// The damage.
        what: String,
        /// What to do next.
        hint: String,
    },
    /// Invalid connection settings.
    #[error("invalid store configuration {path}: {why}")]
    BadConfig {
        /// The file.
        path: String,
        /// The reason, without any password.
        why: String,
    },
    /// The cluster does not accept the credentials, or they do not allow this.
    #[error(
        "{path}: {what}: the cluster does not accept the credentials: {why}; check user and password in the file of \
         connection settings (?config=FILE), and the role's permissions"
    )]
    Denied {
        /// The store.
        path: String,
        /// The failed operation.
        what: &'static str,
        /// The cluster's words.
        why: String,
    },
    /// The tables are not those of this program.
    #[error("{path}: {why}")]
    Schema {
        /// The store.
        path: String,
        /// The differences, and what to do next.
        why: String,
    },
    /// Any other failure.
    #[error("{path}: {what}: {why}")]
    Failed {
        /// The store.
        path: String,
        /// The failed operation.
        what: &'static str,
        /// The reason, and what to do next where that is known.
        why: String,
    },
}

impl ExitCode for StoreError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::BadAddress { .. }
            | Self::UserInAddress
            | Self::Missing { .. }
            | Self::BadConfig { .. }
            | Self::Denied { .. }
            | Self::Schema { .. } => 2,
            Self::Corrupt { .. } => 3,
            Self::Fenced { .. } => 4,
            Self::Locked { .. } | Self::Failed { .. } => 1,
        }
    }
}
