//! The permanent errors of a reader.

use super::topic::Topic;
use crate::log::LogError;

/// What to do about damaged records.
const DAMAGED_HINT: &str = "the bytes on the broker's disk, or on the way from it, are not those that were written: \
                            restore them from a replica, or copy what is whole into another log";

/// Permanent error of a partition.
#[derive(Clone, Debug)]
pub(super) enum Ended {
    /// The log no longer holds the next offset.
    Lost(String),
    /// A record's bytes are not those that were written.
    Damaged(String),
    /// Another topic has taken the name: its id.
    Replaced(String),
    /// The cluster does not accept the credentials, or they do not allow to read.
    Denied(String),
    /// Any other permanent error.
    Failed(String),
}

impl Ended {
    /// The error, at the next offset.
    pub(super) fn error(&self, topic: &Topic, partition: u32, position: u64) -> LogError {
        match self {
            Self::Replaced(id) => topic.replaced(id),
            Self::Damaged(what) => LogError::Damaged {
                path: topic.name(),
                what: format!("partition {partition}, {what}"),
                hint: DAMAGED_HINT.to_owned(),
            },
            Self::Lost(why) => topic.lost(partition, position, why.clone()),
            Self::Denied(why) => LogError::Denied { path: topic.name(), why: why.clone() },
            Self::Failed(why) => {
                topic.failed("cannot read", format!("partition {partition}, offset {position}: {why}"))
            }
        }
    }
}
