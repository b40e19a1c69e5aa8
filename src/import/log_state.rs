//! State of a log before an import: frontiers, and earlier imports of the same content.

use std::collections::BTreeMap;

use dataflows::ingress::frontier_scan::FrontierScan;
use dataflows::log::control::{Control, ImportState};
use dataflows::progress::partition::PartitionFrontier;

use super::ImportError;
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
    /// Imports of any content that have begun and not ended: the hash of the last one of each source.
    pub open: BTreeMap<String, String>,
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
        let (mut scan, mut state) = (FrontierScan::default(), PartitionState::default());
        read_to_end(log, partition, log.first_offset(partition)?, |span, record| {
            scan.read(span, record, |control| state.note(control, hash, span.offset));
            Ok::<_, LogError>(())
        })?;
        state.frontier = scan.frontier;
        Ok(state)
    };
    (0..log.partitions()).map(scan).collect()
}

/// Fails when an import of other content has begun and not ended: the progress of this one would say that its trades
/// are complete, and it could not go on.
pub fn check_open(log: &str, states: &[PartitionState], hash: &str) -> Result<(), ImportError> {
    let others = states.iter().flat_map(|state| &state.open).find(|(_, open)| *open != hash);
    others
        .map_or(Ok(()), |(source, _)| Err(ImportError::Unfinished { log: log.to_owned(), source_name: source.clone() }))
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

impl PartitionState {
    fn note(&mut self, control: &Control<'_>, wanted: &str, offset: u64) {
        match *control {
            Control::Import { source, hash, state: ImportState::Begin, .. } => {
                self.open.insert(source.to_owned(), hash.to_owned());
                if hash == wanted {
                    self.begins += 1;
                    self.begun_at = offset;
                    source.clone_into(&mut self.begun_by);
                }
            }
            Control::Import { hash, state: ImportState::End, .. } => {
                self.open.retain(|_, open| open != hash);
                self.ends += u32::from(hash == wanted);
            }
            // Retired by an operator, who has given it up.
            Control::Bye { source } => drop(self.open.remove(source)),
            _ => {}
        }
    }
}
