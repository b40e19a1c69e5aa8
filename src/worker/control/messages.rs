//! Control messages between workers, over a separate small dataflow that is the same between threads and between
//! processes.
//!
//! Its input never advances, so no frontier depends on it. A message is either absolute (an end, resume points) or
//! counted by its receiver (parts of checkpoints), so messages may arrive in any order.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use dataflows::progress::positions::Positions;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;
use serde::{Deserialize, Serialize};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::ActivateCapability;
use timely::dataflow::operators::core::unordered_input::{UnorderedHandle, UnorderedInput};
use timely::dataflow::operators::generic::operator::Operator;
use timely::worker::Worker;

use crate::store::PartitionLife;

/// A control message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::worker) enum ControlMessage {
    /// To all: at this durable frontier, the worker has read everything that it must read.
    End {
        /// The worker.
        worker: usize,
        /// Its end frontier.
        end: Time,
    },
    /// To all, in a run until the end of the log: how far the worker's partitions are.
    Reading {
        /// The worker.
        worker: usize,
        /// How far.
        reading: Reading,
    },
    /// To the first: how far this worker's partitions are read, and from where they would be read again as of the
    /// durable frontier it sees.
    Positions(Vec<Positions>),
    /// To the first: life of the sources in this worker's partitions.
    Life(Vec<PartitionLife>),
    /// To the first: a worker's part of a checkpoint is in the store.
    Part(Part),
    /// From the first to all: the symbol table is complete when the symbol log is written up to this offset.
    SymbolsEnd(u64),
    /// From the first to all: the last committed checkpoint is as of this time.
    Committed(Time),
    /// From the first to all: the log has given again what the store holds, and rows may be written.
    Proved,
    /// To all: a process was asked to stop, and the others stop with it.
    Stop,
    /// To the first: this worker sends no more messages.
    Done,
}

/// How far a worker's partitions are in a run until the end of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::worker) struct Reading {
    /// The least frontier of those with records to read.
    pub(in crate::worker) open: Option<Time>,
    /// The least frontier of those that were read to their end.
    pub(in crate::worker) ended: Option<Time>,
    /// The first time step after every time given to a record.
    pub(in crate::worker) past: Time,
}

/// One worker's part of a checkpoint, whose segments are in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::worker) struct Part {
    /// The time of the checkpoint.
    pub(in crate::worker) frontier: Time,
    /// The shards with a segment, each with whether it is a base.
    pub(in crate::worker) written: Vec<(u32, bool)>,
    /// The resume points of this worker's partitions.
    pub(in crate::worker) resume: Vec<ResumePoint>,
}

type Addressed = (u64, ControlMessage);
type Builder = CapacityContainerBuilder<Vec<Addressed>>;

/// One worker's connection to the control dataflow.
pub(in crate::worker) struct ControlChannel {
    input: UnorderedHandle<u64, Builder>,
    /// Held forever: nothing here is ever complete.
    capability: ActivateCapability<u64>,
    received: Rc<RefCell<VecDeque<ControlMessage>>>,
    peers: usize,
}

impl ControlChannel {
    pub(in crate::worker) fn start(worker: &mut Worker) -> Self {
        let received = Rc::new(RefCell::new(VecDeque::new()));
        let (queue, peers) = (Rc::clone(&received), worker.peers());
        let (input, capability) = worker.dataflow::<u64, _, _>(|scope| {
            let ((input, capability), stream) = scope.new_unordered_input::<Builder>();
            stream.sink(Exchange::new(|(to, _): &Addressed| *to), "ControlMessages", move |(input, _)| {
                input.for_each(|_, message| queue.borrow_mut().extend(message.drain(..).map(|(_, message)| message)));
            });
            (input, capability)
        });
        Self { input, capability, received, peers }
    }

    pub(in crate::worker) fn send(&mut self, to: usize, message: ControlMessage) {
        self.input.activate().session(&self.capability).give((to as u64, message));
    }

    pub(in crate::worker) fn broadcast(&mut self, message: &ControlMessage) {
        (0..self.peers).for_each(|to| self.send(to, message.clone()));
    }

    /// The next message received.
    pub(in crate::worker) fn receive(&self) -> Option<ControlMessage> {
        self.received.borrow_mut().pop_front()
    }
}
