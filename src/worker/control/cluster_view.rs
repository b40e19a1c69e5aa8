//! What one worker has heard from all of them, itself included.

use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;

use super::messages::{News, Part};

/// The state that the news add up to.
pub(super) struct Board {
    /// By worker: the frontier at which it will have read all that it is to read.
    ends: Vec<Option<Time>>,
    /// By partition, on the first worker: where a restart could resume as of the durable frontier.
    resume: Vec<ResumePoint>,
    /// The last checkpoint committed.
    committed: Time,
    /// Where the log of symbols ended when the first worker started.
    symbols_end: Option<u64>,
    /// Workers that tell nothing more.
    done: usize,
    /// The row as of the last frontier committed, on the first worker.
    pub(super) last_row: Option<FrontierRow>,
}

impl Board {
    /// `committed` is the frontier of the checkpoint that the run resumed from, 0 for a new one.
    pub(super) fn new(workers: usize, resume: Vec<ResumePoint>, committed: Time) -> Self {
        Self { ends: vec![None; workers], resume, committed, symbols_end: None, done: 0, last_row: None }
    }

    /// Takes in what was heard. Gives back what is for the store.
    pub(super) fn hear(&mut self, news: News) -> Option<Part> {
        match news {
            News::End { worker, end } => self.ends[worker] = Some(end),
            News::Resume(points) => {
                for point in points {
                    let at = point.partition as usize;
                    self.resume[at] = point;
                }
            }
            News::Part(part) => return Some(part),
            News::Committed(time) => self.committed = self.committed.max(time),
            News::SymbolsEnd(end) => self.symbols_end = Some(end),
            News::Done => self.done += 1,
        }
        None
    }

    /// The frontier at which everything is read, when every worker has told its end.
    pub(super) fn end(&self) -> Option<Time> {
        self.ends.iter().copied().collect::<Option<Vec<Time>>>()?.into_iter().min()
    }

    pub(super) fn symbols_end(&self) -> Option<u64> {
        self.symbols_end
    }

    pub(super) fn committed(&self) -> Time {
        self.committed
    }

    /// Whether every worker has told its last.
    pub(super) fn all_done(&self) -> bool {
        self.done == self.ends.len()
    }

    /// The resume points as people read them.
    pub(super) fn resume_json(&self) -> String {
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
    fn the_end_is_known_when_all_have_told_theirs() {
        let mut board = Board::new(2, Vec::new(), 5);
        board.hear(News::End { worker: 1, end: 70 });
        assert_eq!(board.end(), None);
        board.hear(News::End { worker: 0, end: Time::MAX });
        assert_eq!(board.end(), Some(70));
        board.hear(News::Committed(60));
        board.hear(News::Committed(40));
        assert_eq!(board.committed(), 60);
        board.hear(News::Done);
        assert!(!board.all_done());
        board.hear(News::Done);
        assert!(board.all_done());
    }
}
