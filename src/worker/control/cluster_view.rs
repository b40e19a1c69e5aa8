//! One worker's view of the cluster, built from the control messages of all workers, itself included.

use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;

use super::messages::{ControlMessage, Part};

/// One worker's view of the cluster.
pub(in crate::worker) struct ClusterView {
    /// By worker: the frontier at which it has read everything that it must read.
    ends: Vec<Option<Time>>,
    /// By partition, on the first worker: the resume point as of the durable frontier.
    resume: Vec<ResumePoint>,
    /// The last checkpoint committed.
    committed: Time,
    /// The end of the symbol log when the first worker started.
    symbols_end: Option<u64>,
    /// Workers that have sent their last message.
    done: usize,
    /// The row as of the last frontier committed, on the first worker.
    pub(in crate::worker) last_row: Option<FrontierRow>,
}

impl ClusterView {
    /// `committed` is the frontier of the checkpoint that the run resumed from, 0 for a new one.
    pub(in crate::worker) fn new(workers: usize, resume: Vec<ResumePoint>, committed: Time) -> Self {
        Self { ends: vec![None; workers], resume, committed, symbols_end: None, done: 0, last_row: None }
    }

    /// Applies a message. Returns a checkpoint part that is for the store.
    pub(in crate::worker) fn apply(&mut self, message: ControlMessage) -> Option<Part> {
        match message {
            ControlMessage::End { worker, end } => self.ends[worker] = Some(end),
            ControlMessage::Resume(points) => {
                for point in points {
                    let at = point.partition as usize;
                    self.resume[at] = point;
                }
            }
            ControlMessage::Part(part) => return Some(part),
            ControlMessage::Committed(time) => self.committed = self.committed.max(time),
            ControlMessage::SymbolsEnd(end) => self.symbols_end = Some(end),
            ControlMessage::Done => self.done += 1,
        }
        None
    }

    /// The frontier at which everything is read, once every worker has sent its end.
    pub(in crate::worker) fn end(&self) -> Option<Time> {
        self.ends.iter().copied().collect::<Option<Vec<Time>>>()?.into_iter().min()
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

    /// The resume points as JSON, as stored with the frontier row.
    pub(in crate::worker) fn resume_json(&self) -> String {
        let point = |point: &ResumePoint| {
            serde_json::json!({
                "partition": point.partition,
                "offset": point.offset,
                "frontier": point.frontier.frontier_ms(),
                "sources": point.frontier.sources().collect::<std::collections::BTreeMap<_, _>>(),
            })
        };
        self.resume.iter().map(point).collect::<serde_json::Value>().to_string()
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
        view.apply(ControlMessage::Done);
        assert!(!view.all_done());
        view.apply(ControlMessage::Done);
        assert!(view.all_done());
    }
}
