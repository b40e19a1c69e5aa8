//! State of a log before an import: frontiers, and earlier imports of the same content.

use dataflows::log::control::{Control, ImportState};
use dataflows::log::decode::{RawTrade, Visitor, decode};
use dataflows::log::reject::Reason;
use dataflows::progress::partition::PartitionFrontier;
use dataflows::progress::time::STEP_MS;

use crate::log::{Log, LogError, read_to_end};

/// State of one partition.
#[derive(Clone, Debug, Default)]
pub struct PartitionState {
    /// Frontier and live sources at the end.
    pub frontier: PartitionFrontier,
    /// Number of imports of the content that begin here.
    pub begins: u32,
    /// Number of them that end.
    pub ends: u32,
    /// Offset of the last record by which one begins.
    pub begun_at: u64,
    /// Source of the last one.
    pub begun_by: String,
}

/// How far an import of the content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// It has never begun.
    None,
    /// It has begun, and has not ended in every partition.
    Interrupted,
    /// It has ended.
    Complete,
}

/// Reads the whole log.
pub fn scan(log: &dyn Log, hash: &str) -> Result<Vec<PartitionState>, LogError> {
    let scan = |partition| {
        let mut visitor = Scan { hash, offset: 0, state: PartitionState::default() };
        read_to_end(log, partition, log.first_offset(partition)?, |span, record| {
            visitor.offset = span.offset;
            decode(record, span.total_len, &mut visitor);
            Ok::<_, LogError>(())
        })?;
        Ok(visitor.state)
    };
    (0..log.partitions()).map(scan).collect()
}

/// How far the newest import of the content is.
pub fn earlier(states: &[PartitionState]) -> Earlier {
    let begins = begins(states);
    match begins {
        0 => Earlier::None,
        _ if states.iter().all(|state| state.ends == begins) => Earlier::Complete,
        _ => Earlier::Interrupted,
    }
}

/// Where the newest import of the content has begun in each partition; `None` where it has not.
pub fn begun(states: &[PartitionState]) -> Vec<Option<u64>> {
    let begins = begins(states);
    states.iter().map(|state| (state.begins == begins).then_some(state.begun_at)).collect()
}

fn begins(states: &[PartitionState]) -> u32 {
    states.iter().map(|state| state.begins).max().unwrap_or(0)
}

struct Scan<'a> {
    hash: &'a str,
    offset: u64,
    state: PartitionState,
}

impl Visitor for Scan<'_> {
    fn trade(&mut self, _: u32, _: &RawTrade<'_>) {}

    fn reject(&mut self, _: u32, _: Reason) {}

    fn control(&mut self, control: Control<'_>) {
        let state = &mut self.state;
        // The dataflow rejects one source too many as well.
        let _ = control.apply(&mut state.frontier, STEP_MS);
        match control {
            Control::Import { source, hash, state: ImportState::Begin, .. } if hash == self.hash => {
                state.begins += 1;
                state.begun_at = self.offset;
                source.clone_into(&mut state.begun_by);
            }
            Control::Import { hash, state: ImportState::End, .. } if hash == self.hash => state.ends += 1,
            _ => {}
        }
    }
}
