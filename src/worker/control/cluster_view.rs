//! One worker's view of the cluster, built from the control messages of all workers, itself included.

use std::collections::BTreeMap;

use dataflows::output::ledger::LedgerState;
use dataflows::progress::positions::Positions;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;

use super::messages::{ControlMessage, Part, Reading};
use crate::store::PartitionLife;
use crate::worker::WorkerError;

/// One worker's view of the cluster.
pub(in crate::worker) struct ClusterView {
    /// By worker: the frontier at which it has read everything that it must read.
    ends: Vec<Option<Time>>,
    /// By worker: how far its partitions are, in a run until the end of the log.
    readings: Vec<Option<Reading>>,
    /// By partition, on the first worker: how far it is read, and where a restart could resume.
    positions: Vec<Positions>,
    /// By partition, on the first worker: life of its sources.
    life: BTreeMap<u32, PartitionLife>,
    /// The positions that were published last.
    pub(in crate::worker) published: String,
    /// The last checkpoint committed.
    committed: Time,
    /// The end of the symbol log when the first worker started.
    symbols_end: Option<u64>,
    /// Workers that have sent their last message.
    done: usize,
    /// The ledger as of the last frontier committed, on the first worker.
    pub(in crate::worker) last_ledger: Option<LedgerState>,
    /// What the ledger as of the published frontier has shown, on the first worker, until it is announced.
    pub(in crate::worker) proof: Option<Result<(), WorkerError>>,
}

impl ClusterView {
    /// `committed` is the frontier of the checkpoint that the run resumed from, 0 for a new one.
    pub(in crate::worker) fn new(workers: usize, starts: Vec<ResumePoint>, committed: Time) -> Self {
        let positions =
            starts.into_iter().map(|start| Positions { read: Some(start.clone()), resume: start }).collect();
        Self {
            ends: vec![None; workers],
            readings: vec![None; workers],
            positions,
            life: BTreeMap::new(),
            published: String::new(),
            committed,
            symbols_end: None,
            done: 0,
            last_ledger: None,
            proof: None,
        }
    }

    /// Applies a message. Returns a checkpoint part that is for the store.
    pub(in crate::worker) fn apply(&mut self, message: ControlMessage) -> Option<Part> {
        match message {
            ControlMessage::End { worker, end } => self.ends[worker] = Some(end),
            ControlMessage::Reading { worker, reading } => self.readings[worker] = Some(reading),
            ControlMessage::Positions(all) => {
                for positions in all {
                    let at = positions.resume.partition as usize;
                    self.positions[at] = positions;
                }
            }
            ControlMessage::Life(all) => self.life.extend(all.into_iter().map(|life| (life.partition, life))),
            ControlMessage::Part(part) => return Some(part),
            ControlMessage::Committed(time) => self.committed = self.committed.max(time),
            ControlMessage::SymbolsEnd(end) => self.symbols_end = Some(end),
            ControlMessage::Stop | ControlMessage::Proved => {}
            ControlMessage::Done => self.done += 1,
        }
        None
    }

    /// The frontier at which everything is read, once every worker has sent its end.
    pub(in crate::worker) fn end(&self) -> Option<Time> {
        self.ends.iter().copied().collect::<Option<Vec<Time>>>()?.into_iter().min()
    }

    /// The frontier that no run to the end of the log can pass: the least of the partitions read to their end.
    pub(in crate::worker) fn limit(&self) -> Option<Time> {
        self.readings.iter().flatten().filter_map(|reading| reading.ended).min()
    }

    /// Whether all partitions were read to their end.
    pub(in crate::worker) fn is_all_read(&self) -> bool {
        self.readings.iter().all(|reading| reading.is_some_and(|reading| reading.open.is_none()))
    }

    /// The frontier that partitions without more records follow: the least of those with some, or, when all are read,
    /// the first that is past everything.
    pub(in crate::worker) fn followed(&self) -> Option<Time> {
        let readings = self.readings.iter().copied().collect::<Option<Vec<Reading>>>()?;
        let open = readings.iter().filter_map(|reading| reading.open).min();
        open.or_else(|| readings.iter().map(|reading| reading.past).max())
    }

    pub(in crate::worker) fn symbols_end(&self) -> Option<u64> {
        self.symbols_end
    }

    pub(in crate::worker) fn committed(&self) -> Time {
        self.committed
    }

    /// Whether every worker has sent its last message.
    pub(in crate::worker) fn all_done(&self) -> bool {
        self.done == self.ends.len()
    }

    /// Life of the sources in all partitions; `None` until every partition was looked at.
    pub(in crate::worker) fn life(&self) -> Option<Vec<PartitionLife>> {
        (self.life.len() == self.positions.len()).then(|| self.life.values().cloned().collect())
    }

    /// The positions of all partitions, as they are published.
    pub(in crate::worker) fn positions_json(&self) -> String {
        Positions::encode_all(&self.positions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_is_known_once_all_sent_theirs() {
        let mut view = ClusterView::new(2, Vec::new(), 5);
        view.apply(ControlMessage::End { worker: 1, end: 70 });
        assert_eq!(view.end(), None);
        view.apply(ControlMessage::End { worker: 0, end: Time::MAX });
        assert_eq!(view.end(), Some(70));
        view.apply(ControlMessage::Committed(60));
        view.apply(ControlMessage::Committed(40));
        assert_eq!(view.committed(), 60);
        let reading = |open, ended, past| Reading { open, ended, past };
        view.apply(ControlMessage::Reading { worker: 0, reading: reading(Some(7), Some(4), 90) });
        assert_eq!((view.limit(), view.followed()), (Some(4), None), "one has not said how far it is");
        view.apply(ControlMessage::Reading { worker: 1, reading: reading(None, Some(5), 80) });
        assert_eq!((view.limit(), view.followed()), (Some(4), Some(7)));
        view.apply(ControlMessage::Reading { worker: 0, reading: reading(None, Some(4), 90) });
        assert_eq!(view.followed(), Some(90));
        view.apply(ControlMessage::Done);
        assert!(!view.all_done());
        view.apply(ControlMessage::Done);
        assert!(view.all_done());
    }
}
