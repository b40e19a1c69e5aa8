//! Why rows as of an earlier time cannot be shown.

use dataflows::progress::time::Time;

use crate::exit_code::ExitCode;
use crate::log::LogError;
use crate::store::StoreError;
use crate::time::rfc3339;

/// Rows as of a time cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum AsOfError {
    /// The store is not complete up to that time.
    #[error(
        "the store is {} only: what it will show as of {} is not known yet. Ask for an earlier time",
        complete_up_to(*frontier),
        rfc3339(*time)
    )]
    Ahead {
        /// The time.
        time: Time,
        /// The durable frontier; 0 before the first.
        frontier: Time,
    },
    /// Neither a checkpoint nor the log goes back far enough.
    #[error(
        "rows of {} were changed later, and the log no longer has the records to compute them as of then: it begins at \
         {first}, and {}",
        rfc3339(*time),
        oldest_possible(*oldest)
    )]
    Gone {
        /// The time.
        time: Time,
        /// Where the log begins.
        first: String,
        /// The oldest time that is possible: the first checkpoint after which the log has everything.
        oldest: Option<Time>,
    },
    /// The log gives other rows than the store has.
    #[error(
        "the log gives another row of {symbol} than the store has, for the window of {} in {table}: the store was \
         changed, or the log. `tickline verify --rows` compares all of them",
        rfc3339(*window_start_ms)
    )]
    Differs {
        /// The symbol.
        symbol: String,
        /// The table.
        table: &'static str,
        /// Start of the window.
        window_start_ms: u64,
    },
    /// The log ends before the time.
    #[error(
        "the log ends at {}, before {}, up to which the store is complete: it was cut after the rows were written. \
         Bring back the log as it was",
        rfc3339(*reached),
        rfc3339(*time)
    )]
    Short {
        /// The time.
        time: Time,
        /// The frontier at the end of the log.
        reached: Time,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The replay was stopped before it had reached the time.
    #[error("the computation of the rows as of {} was stopped", rfc3339(*time))]
    Stopped {
        /// The time.
        time: Time,
    },
}

fn complete_up_to(frontier: Time) -> String {
    if frontier == 0 {
        "not complete up to any time".to_owned()
    } else {
        format!("complete up to {}", rfc3339(frontier))
    }
}

fn oldest_possible(oldest: Option<Time>) -> String {
    match oldest {
        Some(oldest) => format!("the oldest time that it has everything for is {}", rfc3339(oldest)),
        None => {
            "there is no checkpoint in the store after which it has everything (`tickline checkpoint list`)".to_owned()
        }
    }
}

impl ExitCode for AsOfError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Ahead { .. } => 2,
            Self::Gone { .. } | Self::Short { .. } => 3,
            Self::Store(error) => error.exit_code(),
            Self::Log(error) => error.exit_code(),
            Self::Differs { .. } | Self::Stopped { .. } => 1,
        }
    }
}
