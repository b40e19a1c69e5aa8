//! The store that keeps nothing, for a replay that only computes digests, or whose rows go elsewhere.

use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::Time;
use dataflows::state::manifest::SegmentKey;
use dataflows::symbols::entry::Entry;

use super::{Checkpoint, DurableFrontier, PipelineSettings, RowBatch, Store, StoreError};

/// Receives the rows of a run.
type RowVisitor = Box<dyn FnMut(&RowBatch) + Send>;

/// Accepts all writes and keeps nothing. Its epoch is always 1, without a checkpoint.
#[derive(Default)]
pub struct NoStore {
    rows: Option<RowVisitor>,
}

impl NoStore {
    /// One that hands over the rows, each batch once.
    pub fn handing_over(rows: impl FnMut(&RowBatch) + Send + 'static) -> Self {
        Self { rows: Some(Box::new(rows)) }
    }
}

impl Store for NoStore {
    fn open_epoch(&mut self) -> Result<(u64, Option<Checkpoint>), StoreError> {
        Ok((1, None))
    }

    fn join_epoch(&mut self, _epoch: u64) -> Result<(), StoreError> {
        Ok(())
    }

    fn keeps_rows(&self) -> bool {
        self.rows.is_some()
    }

    fn write(&mut self, rows: &RowBatch) -> Result<(), StoreError> {
        self.rows.iter_mut().for_each(|visit| visit(rows));
        Ok(())
    }

    fn commit_frontier(&mut self, _frontier: &DurableFrontier, _kept: &[FrontierRow]) -> Result<(), StoreError> {
        Ok(())
    }

    fn put_segments(&mut self, _epoch: u64, _frontier: Time, _segments: &[(u32, &[u8])]) -> Result<(), StoreError> {
        Ok(())
    }

    fn commit_checkpoint(
        &mut self,
        _epoch: u64,
        _checkpoint: &Checkpoint,
        _obsolete: &[SegmentKey],
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn segments(&mut self, _wanted: &[SegmentKey]) -> Result<Vec<Vec<u8>>, StoreError> {
        Ok(Vec::new())
    }

    fn stored_segments(&mut self) -> Result<Vec<SegmentKey>, StoreError> {
        Ok(Vec::new())
    }

    fn drop_checkpoint(&mut self, _epoch: u64, frontier: Time) -> Result<(), StoreError> {
        let why = format!("there is no committed checkpoint as of frontier {frontier}: this store keeps none");
        Err(StoreError::Failed { path: "none".to_owned(), what: "cannot drop a checkpoint", why })
    }

    fn put_symbols(&mut self, _entries: &[Entry]) -> Result<(), StoreError> {
        Ok(())
    }

    fn put_settings(&mut self, _epoch: u64, _settings: PipelineSettings) -> Result<(), StoreError> {
        Ok(())
    }
}
