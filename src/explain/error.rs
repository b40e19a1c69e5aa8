//! Errors of an explanation, with their exit codes.

use dataflows::progress::time::Time;

use crate::exit_code::ExitCode;
use crate::log::LogError;
use crate::store::StoreError;
use crate::time::rfc3339;
use crate::worker::WorkerError;

/// Error of an explanation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// The store has no frontier.
    #[error("the store has no frontier yet: run `tickline work` on it first")]
    NothingComplete,
    /// The log no longer holds the records of the window.
    #[error("{log} no longer holds the records of that window (it begins at {starts}): {}", oldest_text(*.oldest))]
    Gone {
        /// The log.
        log: String,
        /// Where its partitions begin.
        starts: String,
        /// Start of the oldest window of that resolution that can be explained.
        oldest: Option<Time>,
    },
    /// The scan was stopped.
    #[error("stopped at {}, on the way to {}", rfc3339(*.reached), rfc3339(*.to))]
    Stopped {
        /// The frontier that was reached.
        reached: Time,
        /// The frontier that the scan needs.
        to: Time,
    },
    /// The stored row is not what the log leads to.
    #[error(
        "store and log disagree in this row: {what}; `tickline verify --rows` compares all rows, and `tickline replay \
         --write-to NEW` makes a store that agrees"
    )]
    Mismatch {
        /// How it differs.
        what: String,
    },
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store was made from something else, or its checkpoint cannot be used.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

fn oldest_text(oldest: Option<Time>) -> String {
    match oldest {
        Some(start) => format!(
            "the oldest that can be explained starts at {}, after the first checkpoint that the log still reaches",
            rfc3339(start)
        ),
        None => {
            "the store has no checkpoint that the log still reaches, so no window can be explained: explain with a \
                 copy of the log"
                .to_owned()
        }
    }
}

impl ExitCode for ExplainError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::NothingComplete => 2,
            Self::Gone { .. } => 3,
            Self::Mismatch { .. } | Self::Stopped { .. } => 1,
            Self::Log(error) => error.exit_code(),
            Self::Store(error) => error.exit_code(),
            Self::Worker(error) => error.exit_code(),
        }
    }
}
