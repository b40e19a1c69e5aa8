//! What workers tell each other beside the data: a tiny dataflow of its own, the same between threads and between
//! processes.
//!
//! Its input never moves on, so no frontier waits for it and none comes from it. What is told is either absolute (an
//! end, resume points) or counted by who receives it (parts of checkpoints), so it may arrive in any order.

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

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::worker) enum ControlMessage {
    /// To all: when the durable frontier is there, this worker has read all that it is to read.
    End {
        /// The worker.
        worker: usize,
        /// Its end.
        end: Time,
    },
    /// To the first: how far this worker's partitions are read, and from where they would be read again as of the
    /// durable frontier it sees.
    Positions(Vec<Positions>),
    /// To the first: a worker's part of a checkpoint is at the store.
    Part(Part),
    /// From the first to all: the directory is whole when this offset of the log of symbols is written.
    SymbolsEnd(u64),
    /// From the first to all: the last checkpoint committed is as of this time.
    Committed(Time),
    /// To the first: this worker tells nothing after this.
    Done,
}

/// One worker's part of a checkpoint, whose shards are at the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::worker) struct Part {
    /// The checkpoint is as of this time.
    pub(in crate::worker) frontier: Time,
    /// How many shards there are.
    pub(in crate::worker) shards: u32,
    /// Where this worker's partitions would be read from.
    pub(in crate::worker) resume: Vec<ResumePoint>,
}

type Addressed = (u64, ControlMessage);
type Builder = CapacityContainerBuilder<Vec<Addressed>>;

/// One worker's end of it.
pub(in crate::worker) struct ControlChannel {
    input: UnorderedHandle<u64, Builder>,
    /// Held for ever: nothing here is ever complete.
    capability: ActivateCapability<u64>,
    heard: Rc<RefCell<VecDeque<ControlMessage>>>,
    peers: usize,
}

impl ControlChannel {
    pub(in crate::worker) fn start(worker: &mut Worker) -> Self {
        let heard = Rc::new(RefCell::new(VecDeque::new()));
        let (keep, peers) = (Rc::clone(&heard), worker.peers());
        let (input, capability) = worker.dataflow::<u64, _, _>(|scope| {
            let ((input, capability), stream) = scope.new_unordered_input::<Builder>();
            stream.sink(Exchange::new(|(to, _): &Addressed| *to), "Gossip", move |(input, _)| {
                input.for_each(|_, message| keep.borrow_mut().extend(message.drain(..).map(|(_, message)| message)));
            });
            (input, capability)
        });
        Self { input, capability, heard, peers }
    }

    pub(in crate::worker) fn tell(&mut self, to: usize, message: ControlMessage) {
        self.input.activate().session(&self.capability).give((to as u64, message));
    }

    pub(in crate::worker) fn tell_all(&mut self, message: &ControlMessage) {
        (0..self.peers).for_each(|to| self.tell(to, message.clone()));
    }

    /// The next thing heard.
    pub(in crate::worker) fn hear(&self) -> Option<ControlMessage> {
        self.heard.borrow_mut().pop_front()
    }
}
