//! Errors of a worker host, with their exit codes.

use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::Time;

use crate::cluster::ClusterError;
use crate::exit_code::ExitCode;
use crate::log::LogError;
use crate::store::StoreError;
use crate::time::rfc3339;

/// The way from a store that cannot go on to one that can.
pub const NEW_STORE: &str = "`tickline work --log LOG --store NEW` computes every row from the log (a keyspace is made \
                             by `tickline setup --store NEW` first); when `tickline status --store NEW` has caught up, \
                             give NEW to the readers";

/// Error that ends a worker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The log failed.
    #[error("the log failed")]
    Log(#[from] LogError),
    /// The mirror of rejected records failed.
    #[error("writing to the rejected-records mirror failed")]
    Mirror(#[source] LogError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The checkpoint cannot be used.
    #[error(
        "cannot use the checkpoint as of {} in the store (work into a new store: the log reproduces every row)",
        rfc3339(*frontier)
    )]
    Checkpoint {
        /// The frontier of the checkpoint.
        frontier: Time,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The settings differ from those that the store was made with.
    #[error(
        "the settings differ from those that the store was made with ({which}), so rows would not agree: use the same \
         settings, or a new store: {NEW_STORE}"
    )]
    SettingsChanged {
        /// The settings that differ, for people.
        which: String,
    },
    /// The store was made from another part of the log.
    #[error(
        "the store has the rows from {store} on, and this would be from {here} on: it holds a part of what the log \
         leads to, for readers alone. Make a whole one in a new store: {NEW_STORE}"
    )]
    Part {
        /// Where the store begins, for people.
        store: String,
        /// Where this run begins.
        here: String,
    },
    /// The store was made by a program with another pipeline revision.
    #[error(
        "the rows of the store have pipeline revision {store}, and this program computes revision {program}: rows of \
         both must not mix, so use a program of revision {store}, or a new store: {NEW_STORE}"
    )]
    Revision {
        /// Revision of the store.
        store: u64,
        /// Revision of this program.
        program: u64,
    },
    /// The log has a different number of partitions than the checkpoint.
    #[error(
        "the log has {log} partitions, but the store was made with {checkpoint}: \
         this is another log, or its partitions were changed"
    )]
    Partitions {
        /// Partitions of the log.
        log: u32,
        /// Partitions in the checkpoint.
        checkpoint: u32,
    },
    /// The log does not give again what the store was made from.
    #[error(
        "the rows of the store as of {} cannot be made from this log again: the store holds {} rows with digest {}, \
         and the log gives {} rows with digest {}. Nothing was written. The log was cut, or made again, after the rows \
         were written: bring back the log as it was, or work into a new store (`tickline verify` names the first \
         minute that differs)",
        rfc3339(published.frontier),
        published.rows, published.digest, made.rows, made.digest
    )]
    Unproved {
        /// The frontier row of the store.
        published: Box<FrontierRow>,
        /// The same as this log gives it.
        made: Box<FrontierRow>,
    },
    /// The log ends before what the store was made from.
    #[error(
        "{log}, partition {partition}: the log ends at {}, but the store is complete up to {}: it was cut after the \
         rows were written. Nothing was written. Bring back the log as it was, or work into a new store",
        rfc3339(*reached),
        rfc3339(*published)
    )]
    LogCut {
        /// The log.
        log: String,
        /// The partition that ends too early.
        partition: u32,
        /// Its frontier at its end.
        reached: Time,
        /// The frontier of the store.
        published: Time,
    },
    /// A partition has no progress.
    #[error(
        "{log}, partition {partition}: {records} records were read and the frontier is stalled: either its sources \
         write no progress records (`tickline pace` writes a progress log for such a log, for --progress), or one of \
         them is dead (`tickline source list` names it: restart it, or retire it)"
    )]
    Stalled {
        /// The log.
        log: String,
        /// The partition that holds back the frontier.
        partition: u32,
        /// Records waiting for the frontier.
        records: u64,
    },
    /// The run ended before everything that it had read was complete.
    #[error(
        "{records} records were read and are not complete, and {unread} were not read: nothing says that the trades \
         before them have all come. The frontier is held back at {} by partition {}: `tickline status --log {log} \
         --store STORE` names the sources; restart a dead one, or retire it. A log without progress records needs a \
         progress log that reaches its end (`tickline pace --log {log} --progress LOG --until-end`, then --progress \
         LOG here), or, when it is finished, --max-out-of-orderness",
        frontier.map_or_else(|| "its start".to_owned(), rfc3339),
        partitions.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
    )]
    Incomplete {
        /// The log.
        log: String,
        /// Records that wait for the frontier.
        records: u64,
        /// Records that were not read, because they are too far ahead of it.
        unread: u64,
        /// The durable frontier, if there is one.
        frontier: Option<Time>,
        /// The partitions that hold it back.
        partitions: Vec<u32>,
    },
    /// A process of the cluster was lost, or the processes do not fit together.
    #[error("the cluster ended")]
    Cluster(#[from] ClusterError),
    /// A thread failed.
    #[error("a worker thread failed: {0}")]
    Thread(String),
}

impl ExitCode for WorkerError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Log(error) | Self::Mirror(error) => error.exit_code(),
            Self::Store(error) => error.exit_code(),
            Self::Cluster(error) => error.exit_code(),
            Self::Checkpoint { .. } | Self::Partitions { .. } | Self::Unproved { .. } | Self::LogCut { .. } => 3,
            Self::SettingsChanged { .. } | Self::Part { .. } | Self::Revision { .. } => 2,
            Self::Stalled { .. } | Self::Incomplete { .. } | Self::Thread(_) => 1,
        }
    }
}
