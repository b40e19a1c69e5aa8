//! A start proves itself before it writes: what the log gives as of the published frontier must be what the store says
//! of it.
//!
//! The rows before that frontier are in the store, so they are only counted. The ledger is exact at it; when its
//! digest, number of rows and counters are those of the frontier row, the sinks of all workers begin to write.
//! Otherwise the log was cut or made again since, or the rows were made otherwise, and the run ends with nothing
//! written.

use std::sync::atomic::{AtomicBool, Ordering};

use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::Time;

use super::WorkerError;

/// What this run has to prove before it writes rows and checkpoints.
#[derive(Debug)]
pub(super) struct Proof {
    /// The row to find again.
    published: Option<FrontierRow>,
    is_given: AtomicBool,
}

impl Proof {
    /// The row that the store has published, if a run over the same rows did, and the ledger of the checkpoint to
    /// resume from.
    pub(super) fn new(published: Option<FrontierRow>, checkpoint: Option<&FrontierRow>) -> Result<Self, WorkerError> {
        let resumed_from = checkpoint.map_or(0, |row| row.frontier);
        let published = published.filter(|row| row.frontier >= resumed_from && row.frontier > 0);
        let proof = Self { is_given: AtomicBool::new(published.is_none()), published };
        if let Some(row) = checkpoint.filter(|row| row.frontier == proof.until()) {
            proof.check(row)?;
            proof.give();
        }
        Ok(proof)
    }

    /// The rows before this time are in the store already; 0 if there are none.
    pub(super) fn until(&self) -> Time {
        self.published.as_ref().map_or(0, |row| row.frontier)
    }

    /// Whether rows may be written.
    pub(super) fn is_given(&self) -> bool {
        self.is_given.load(Ordering::SeqCst)
    }

    /// Another worker, or this one, has found the row again.
    pub(super) fn give(&self) {
        self.is_given.store(true, Ordering::SeqCst);
    }

    /// Compares the ledger as of [`Self::until`].
    pub(super) fn check(&self, row: &FrontierRow) -> Result<(), WorkerError> {
        match &self.published {
            Some(published) if published != row => {
                Err(WorkerError::Unproved { published: Box::new(published.clone()), made: Box::new(row.clone()) })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode as _;

    fn row(frontier: Time, rows: i64) -> FrontierRow {
        FrontierRow { frontier, rows, ..FrontierRow::empty() }
    }

    #[test]
    fn a_new_store_has_nothing_to_prove() {
        assert!(Proof::new(None, None).unwrap().is_given());
        assert!(Proof::new(Some(FrontierRow::empty()), None).unwrap().is_given());
    }

    #[test]
    fn the_row_must_be_found_again() {
        let proof = Proof::new(Some(row(60, 5)), Some(&row(40, 3))).unwrap();
        assert_eq!((proof.is_given(), proof.until()), (false, 60));
        assert!(proof.check(&row(60, 5)).is_ok());
        assert_eq!(proof.check(&row(60, 4)).unwrap_err().exit_code(), 3);
        proof.give();
        assert!(proof.is_given());
    }

    #[test]
    fn a_checkpoint_at_the_frontier_is_compared_at_once() {
        assert!(Proof::new(Some(row(60, 5)), Some(&row(60, 5))).unwrap().is_given());
        assert_eq!(Proof::new(Some(row(60, 5)), Some(&row(60, 4))).unwrap_err().exit_code(), 3);
    }
}
