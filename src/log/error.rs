//! Errors of a log.

use crate::exit_code::ExitCode;
use crate::time::span;

/// Error of a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Invalid log address.
    #[error(
        "invalid log address {text:?}: expected dir:PATH or \
             kafka://HOST:PORT[,HOST:PORT]/TOPIC[?config=FILE][&reader=librdkafka]"
    )]
    BadAddress {
        /// The given text.
        text: String,
    },
    /// User or password in an address.
    #[error(
        "a user and password must not be in the log address, because addresses are shown: put sasl.username and \
         sasl.password into a file of Kafka settings, and write kafka://HOST:PORT/TOPIC?config=FILE"
    )]
    UserInAddress,
    /// Invalid settings file of a Kafka client.
    #[error("invalid Kafka settings in {path}: {why}")]
    BadConfig {
        /// The file.
        path: String,
        /// The reason, without any setting's value.
        why: String,
    },
    /// The cluster does not accept the credentials, or they do not allow this.
    #[error(
        "{path}: the cluster does not accept the credentials: {why}; check user, password and mechanism in the file of \
         Kafka settings (?config=FILE), and the user's access to the topic"
    )]
    Denied {
        /// The address.
        path: String,
        /// The cluster's words.
        why: String,
    },
    /// The log does not exist.
    #[error("no log at {path}: {hint}")]
    Missing {
        /// The path or address.
        path: String,
        /// What to do next.
        hint: String,
    },
    /// The log no longer holds a needed offset: data was lost.
    #[error("{path}, partition {partition}: offset {wanted} is needed, but the log holds {first}..{end}: {cause}")]
    OffsetLost {
        /// The log.
        path: String,
        /// The partition.
        partition: u32,
        /// The needed offset.
        wanted: u64,
        /// The first offset in the log.
        first: u64,
        /// One past the last offset in the log.
        end: u64,
        /// The probable cause, and what to do next.
        cause: String,
    },
    /// A record that was read is another one now: data was lost.
    #[error(
        "{path}, partition {partition}: the record at offset {offset} is not the one that was read there: the log was \
         cut there or before, and has grown again with other records. Restore the log; or keep the existing rows, and \
         work from what it holds now into a new store"
    )]
    Regrown {
        /// The log.
        path: String,
        /// The partition.
        partition: u32,
        /// The offset of the record.
        offset: u64,
    },
    /// Another process is writing to the log.
    #[error("{path} is being written by another process ({holder}): stop that one first")]
    Locked {
        /// The log.
        path: String,
        /// The other process.
        holder: String,
    },
    /// Another process writes to the log as the same source, and began later.
    #[error(
        "{path}: another process has taken over the source {name:?}: end one of the two, or give each a --source of \
         its own"
    )]
    Fenced {
        /// The log.
        path: String,
        /// The source.
        name: String,
    },
    /// The log was replaced by another one of the same name.
    #[error("{path} was replaced: expected the log with identity {was}, found {is}; {hint}")]
    Replaced {
        /// The log.
        path: String,
        /// The expected identity.
        was: String,
        /// The identity found.
        is: String,
        /// What to do next.
        hint: &'static str,
    },
    /// The number of partitions changed during the run.
    #[error(
        "{path} had {was} partitions and now has {is}: symbols may have moved to other partitions, out of order; \
         create a topic with the number you need, copy the log into it (import --from-log), and use a new store"
    )]
    PartitionsChanged {
        /// The log.
        path: String,
        /// The previous number.
        was: u32,
        /// The current number.
        is: u32,
    },
    /// The log removes records that a later one replaces.
    #[error(
        "{path} is compacted (cleanup.policy): of the records with one key it keeps only the last, so trades are \
         missing or will be; set cleanup.policy=delete, and write the trades again. To read what is left: \
         --allow-compacted"
    )]
    Compacted {
        /// The log.
        path: String,
    },
    /// The log removes records before the rows that they make can no longer change.
    #[error(
        "{path} removes records after {} (retention.ms), and a restarted worker reads again what came in the last \
         {} (the allowed lateness): set retention.ms to twice that or more. To read what is left: --allow-compacted",
        span(*retention_ms), span(*allowed_lateness_ms)
    )]
    Retention {
        /// The log.
        path: String,
        /// Its retention.
        retention_ms: u64,
        /// How far back a resume point lies.
        allowed_lateness_ms: u64,
    },
    /// The log exists with another number of partitions than requested; the number is fixed.
    #[error("{path} has {has} partitions, not {wanted}: leave out --partitions, or choose another log")]
    Partitions {
        /// The log.
        path: String,
        /// The current number.
        has: u32,
        /// The requested number.
        wanted: u32,
    },
    /// A topic differs from the requested settings; it was not changed.
    #[error(
        "{path} differs from the requested settings: {differences}; nothing was changed: request the existing \
         settings, or change the topic by hand (for another number of partitions, create a new topic)"
    )]
    Drift {
        /// The topic.
        path: String,
        /// The differences: requested and actual.
        differences: String,
    },
    /// The log is damaged.
    #[error("{path} is damaged: {what}; {hint}")]
    Damaged {
        /// The log.
        path: String,
        /// The damage found.
        what: String,
        /// What to do next.
        hint: String,
    },
    /// An operation on the whole log failed.
    #[error("{path}: {what}: {why}")]
    Failed {
        /// The log.
        path: String,
        /// The operation.
        what: &'static str,
        /// The reason, and what to do next where that is known.
        why: String,
    },
    /// A system call failed on one partition.
    #[error("{path}, partition {partition}: {what}: {why}")]
    Io {
        /// The log.
        path: String,
        /// The partition.
        partition: u32,
        /// The operation.
        what: &'static str,
        /// The reason, and what to do next where that is known.
        why: String,
        /// The system's error.
        source: std::io::Error,
    },
}

impl ExitCode for LogError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::BadAddress { .. }
            | Self::UserInAddress
            | Self::BadConfig { .. }
            | Self::Denied { .. }
            | Self::Missing { .. }
            | Self::Partitions { .. }
            | Self::Drift { .. } => 2,
            Self::OffsetLost { .. }
            | Self::Regrown { .. }
            | Self::Damaged { .. }
            | Self::Replaced { .. }
            | Self::Compacted { .. }
            | Self::Retention { .. }
            | Self::PartitionsChanged { .. } => 3,
            Self::Fenced { .. } => 4,
            Self::Locked { .. } | Self::Failed { .. } | Self::Io { .. } => 1,
        }
    }
}
