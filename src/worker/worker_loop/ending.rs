//! The end of a run, as one worker sees it: everything up to it is durable, the last checkpoint is made, and the first
//! worker waits for the last message of all others.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dataflows::progress::time::Time;
use timely::worker::Worker;

use super::{Turn, WorkerLoop};
use crate::store::Ended;
use crate::worker::WorkerError;
use crate::worker::control::messages::ControlMessage;
use crate::worker::partition_readers::must_prove;
use crate::worker::store_command::Command;
use crate::worker::symbol_table::SymbolTable;

/// How far the end of a run is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    /// The frontier up to which everything is durable.
    end: Time,
    /// The last checkpoint, if one is made.
    checkpoint: Option<Time>,
    /// Whether this worker has sent its last message.
    sent_done: bool,
}

impl WorkerLoop {
    /// The end of the run, once everything before it is durable. A worker that stops, or that has read what the log
    /// held at the start, sends its frontier and reads no more; the least of them is the end.
    pub(super) fn end(&mut self, is_idle: bool) -> Option<Time> {
        let is_stopping = self.is_stopping();
        let ends = self.shared.config.until_end && is_idle;
        if !self.sent_end && (is_stopping || (ends && (self.has_read() || self.is_stuck()))) {
            self.sent_end = true;
            self.control.broadcast(&ControlMessage::End { worker: self.index, end: self.frontier() });
        }
        let view = self.view.borrow();
        let is_written = |table: &SymbolTable| view.symbols_end().is_some_and(|end| table.is_done(end));
        let proof = &self.shared.proof;
        let is_complete = |end: &Time| {
            let is_proved = proof.is_given() || *end < proof.until();
            is_proved
                && !self.durable.less_than(end)
                && (is_stopping || self.symbol_table.as_ref().is_none_or(is_written))
        };
        view.end().filter(is_complete)
    }

    /// The checkpoint as of the end of the run, so that the next start reads nothing twice. Requested by the first
    /// worker; all of them wait for it.
    fn last_checkpoint(&mut self, worker_end: Time) -> Option<Time> {
        let makes_checkpoints = self.shared.config.checkpoint_every.is_some() && self.shared.proof.is_given();
        let end = Some(worker_end).filter(|&end| makes_checkpoints && 0 < end && end < Time::MAX)?;
        let ledger = self.view.borrow().last_ledger.clone().filter(|ledger| ledger.row.frontier == end);
        // One that was due at this very time is on its way already.
        let is_due = self.schedule.as_ref().is_some_and(|schedule| !schedule.has_requested(end));
        if let Some(ledger) = ledger.filter(|_| is_due && self.view.borrow().committed() < end) {
            self.command(Command::LedgerAt(ledger));
            self.ingress.request_checkpoint(end);
            self.inputs.send(self.ingress.take(), self.frontier());
        }
        Some(end)
    }

    /// Everything up to `end` is durable.
    pub(super) fn begin_to_end(&mut self, end: Time) -> Result<(), WorkerError> {
        if must_prove(&self.shared) && !self.is_stopping() {
            return Err(self.readers.cut(&self.shared, &self.ingress));
        }
        self.ending = Some(Ending { end, checkpoint: self.last_checkpoint(end), sent_done: false });
        Ok(())
    }

    /// One turn after that: waits for the last checkpoint, sends the last message, and on the first worker waits for
    /// that of all others.
    pub(super) fn end_turn(
        &mut self,
        worker: &mut Worker,
        ending: Ending,
        patience: Duration,
    ) -> Result<Turn, WorkerError> {
        if ending.sent_done && (self.index != 0 || self.view.borrow().all_done()) {
            self.finish(ending.end);
            return Ok(Turn::Ended);
        }
        let is_committed = ending.checkpoint.is_none_or(|time| self.view.borrow().committed() >= time);
        if !ending.sent_done && is_committed && self.parts.are_stored() {
            self.ending = Some(Ending { sent_done: true, ..ending });
            self.send_life();
            self.control.send(0, ControlMessage::Done);
        }
        worker.step_or_park(Some(patience));
        self.parts.send(&mut self.ingress, &self.commands);
        Ok(Turn::Idle)
    }

    /// Resume points are published one commit late, so the last frontier row is published once more with its own.
    fn finish(&mut self, end: Time) {
        self.beat(Some(if self.is_stopping() { Ended::Stopped } else { Ended::ReadToEnd }));
        self.readers.publish(&self.shared.watch, &self.ingress, end);
        self.shared.watch.records_unread.fetch_add(self.readers.unread(), Ordering::SeqCst);
        let resume = self.view.borrow().positions_json();
        let row = self.view.borrow_mut().last_ledger.take().map(|ledger| ledger.row);
        if let Some(row) = row {
            *self.shared.watch.row.lock().unwrap_or_else(PoisonError::into_inner) = Some(row.clone());
            self.command(Command::Frontier { row, kept: Vec::new(), resume, ack: Box::new(|| ()) });
        }
    }
}
