//! One worker's parts of checkpoints, on their way from its dataflow to the store.

use std::cell::RefCell;
use std::rc::Rc;

use crossbeam_channel::{Receiver, Sender, unbounded};
use dataflows::candles::operator::SnapshotPart;
use dataflows::ingress::Ingress;

use crate::worker::control::messages::Part;
use crate::worker::store_command::Command;

/// Snapshot parts that the dataflow has emitted and that were not sent to the store thread yet.
pub(in crate::worker) type Emitted = Rc<RefCell<Vec<SnapshotPart>>>;

/// One worker's parts of checkpoints.
pub(in crate::worker) struct Parts {
    emitted: Emitted,
    in_flight: usize,
    stored_sender: Sender<Part>,
    stored: Receiver<Part>,
}

impl Parts {
    /// Takes the parts that appear in `emitted`.
    pub(in crate::worker) fn new(emitted: Emitted) -> Self {
        let (stored_sender, stored) = unbounded();
        Self { emitted, in_flight: 0, stored_sender, stored }
    }

    /// Sends emitted parts to the store thread.
    pub(in crate::worker) fn send(&mut self, ingress: &mut Ingress, commands: &Sender<Command>) {
        for mut part in self.emitted.borrow_mut().drain(..) {
            let memory = ingress.memory_shards(part.frontier).map_err(|error| error.to_string());
            part.shards = part.shards.and_then(|mut shards| {
                shards.extend(memory?);
                Ok(shards)
            });
            let frontier = part.frontier;
            let written = part.shards.iter().flatten().map(|shard| (shard.shard, shard.is_base)).collect();
            let stored = Part { frontier, written, resume: ingress.checkpoint_points(frontier) };
            let sender = self.stored_sender.clone();
            self.in_flight += 1;
            let ack = Box::new(move || {
                // The worker is gone only when the process ends.
                let _ = sender.send(stored);
            });
            // The store thread is gone only after an error, which ends the process.
            let _ = commands.send(Command::Shards(part, ack));
        }
    }

    /// The next part whose shards are in the store.
    pub(in crate::worker) fn next_stored(&mut self) -> Option<Part> {
        let part = self.stored.try_recv().ok()?;
        self.in_flight -= 1;
        Some(part)
    }

    /// Whether every part sent is in the store.
    pub(in crate::worker) fn are_stored(&self) -> bool {
        self.in_flight == 0
    }
}
