//! The heartbeat of a pipeline: what its worker knew of its sources, and when. The worker writes it every few seconds
//! while it lives, also when nothing changes, so that readers can distinguish a quiet pipeline from a dead one.
//!
//! Times here are wall clock times of the worker's machine. No row depends on them.

use std::collections::BTreeMap;

use dataflows::progress::time::Time;
use dataflows::settings::ProgressMode;
use serde::{Deserialize, Serialize};

/// A heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heartbeat {
    /// The epoch that wrote it.
    pub epoch: u64,
    /// When it was written, in Unix milliseconds.
    pub written_ms: u64,
    /// What the worker knew.
    pub life: Life,
}

/// Life of a pipeline's sources, as its worker sees it. JSON in the stores.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// Why no further heartbeat comes; `None` while the worker runs.
    pub ended: Option<Ended>,
    /// What moves the frontier. Where it is not the progress records of sources, nothing is known of any source.
    pub progress: ProgressMode,
    /// By partition, ascending.
    pub partitions: Vec<PartitionLife>,
}

/// Reason of a worker's orderly end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It was asked to stop.
    Stopped,
    /// It has read what the log held when it started, and was to end then.
    ReadToEnd,
}

/// Life of one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionLife {
    /// The partition.
    pub partition: u32,
    /// Records not read yet; `None` if there are some and nobody knows how many.
    pub unread: Option<u64>,
    /// Records read that are not before the durable frontier.
    #[serde(default)]
    pub waiting: u64,
    /// Frontier of what was read; `None` before the first progress.
    pub frontier_ms: Option<Time>,
    /// Its live sources.
    pub sources: BTreeMap<String, SourceLife>,
}

/// Life of one source in one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLife {
    /// Its progress there, in event time.
    pub progress_ms: Time,
    /// When its last progress record was written, as far as known; at the latest when it was read.
    pub last_record_ms: u64,
    /// When its progress was first seen to be where it is.
    pub moved_ms: u64,
}
