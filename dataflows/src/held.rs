//! The capability an operator holds for the earliest work it has not sent yet.

use timely::dataflow::operators::{Capability, InputCapability};

use crate::progress::time::Time;

/// A capability for the earliest pending time, one for each of an operator's first `OUTPUTS` outputs.
///
/// While it is held, no frontier downstream passes that time, so what is pending can still be sent. The rules:
///
/// - [`retain`](Self::retain) each message: an earlier one moves the held time back, a later one changes nothing.
/// - [`keep_from`](Self::keep_from) after each round: moves the held time forward to the earliest pending one. It is
///   never moved back there, and only `None`, which says that nothing is pending, releases it.
///
/// Nothing else releases it. An operator that fails keeps what it holds: to drop a capability is to report that
/// everything before it is complete.
#[derive(Debug)]
pub struct HeldCapability<const OUTPUTS: usize = 1> {
    held: Option<[Capability<Time>; OUTPUTS]>,
}

impl<const OUTPUTS: usize> HeldCapability<OUTPUTS> {
    /// Nothing pending, nothing held.
    pub const fn none() -> Self {
        Self { held: None }
    }

    /// Holds what the operator got when it was built.
    pub const fn initial(capabilities: [Capability<Time>; OUTPUTS]) -> Self {
        Self { held: Some(capabilities) }
    }

    /// Holds the time of a message with pending contents, unless an earlier one is held.
    ///
    /// A message without a time claims no progress and changes nothing.
    pub fn retain(&mut self, message: &InputCapability<Time>) {
        if let Some(&time) = message.least()
            && self.time().is_none_or(|held| time < held)
        {
            self.held = Some(std::array::from_fn(|output| message.delayed(&time, output)));
        }
    }

    /// Holds on from the earliest time that is still pending; `None` releases everything.
    ///
    /// A pending time before the held one leaves it where it is: an update's own time may be later than that of the
    /// message that carried it, never earlier.
    pub fn keep_from(&mut self, pending: Option<Time>) {
        match pending {
            None => self.held = None,
            Some(time) => self.held.iter_mut().flatten().for_each(|held| held.downgrade(&time.max(*held.time()))),
        }
    }

    /// The capabilities by output, to send with.
    pub const fn get(&self) -> Option<&[Capability<Time>; OUTPUTS]> {
        self.held.as_ref()
    }

    /// The time held.
    pub fn time(&self) -> Option<Time> {
        self.held.as_ref().and_then(|held| held.first()).map(|held| *held.time())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use timely::container::CapacityContainerBuilder;
    use timely::dataflow::channels::pact::Pipeline;
    use timely::dataflow::operators::Probe;
    use timely::dataflow::operators::core::unordered_input::UnorderedInput;
    use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

    use super::*;

    type Builder = CapacityContainerBuilder<Vec<Time>>;

    /// A round: the times of its messages, and the earliest time that is pending after them.
    type Round = (Vec<Time>, Option<Time>);

    /// Runs rounds through an operator that only holds; returns the frontier downstream after each.
    fn frontiers(rounds: Vec<Round>, from_start: bool) -> Vec<Option<Time>> {
        timely::execute_directly(move |worker| {
            let pending = Rc::new(RefCell::new(None));
            let keep_from = Rc::clone(&pending);
            let (mut input, capability, probe, activator) = worker.dataflow::<Time, _, _>(|scope| {
                let ((input, capability), stream) = scope.new_unordered_input::<Builder>();
                let mut builder = OperatorBuilder::new("Hold".to_owned(), scope);
                let mut messages = builder.new_input(stream, Pipeline);
                let (_output, held_back) = builder.new_output::<Vec<()>>();
                let activator = scope.worker().sync_activator_for(builder.operator_info().address.to_vec());
                builder.build(move |mut capabilities| {
                    let first = capabilities.pop().filter(|_| from_start);
                    let mut held = first.map_or(HeldCapability::none(), |first| HeldCapability::initial([first]));
                    move |_| {
                        messages.for_each(|message, _| held.retain(&message));
                        held.keep_from(*keep_from.borrow());
                    }
                });
                (input, capability, held_back.probe().0, activator)
            });
            let sent = rounds.iter().map(|(times, _)| times.iter().map(|time| capability.delayed(time)).collect());
            let sent: Vec<Vec<_>> = sent.collect();
            drop(capability);
            let mut found = Vec::new();
            for (capabilities, (_, next)) in sent.into_iter().zip(&rounds) {
                *pending.borrow_mut() = *next;
                for capability in capabilities {
                    input.activate().session(&capability).give(*capability.time());
                }
                activator.activate().unwrap();
                for _ in 0..8 {
                    worker.step();
                }
                found.push(probe.with_frontier(|frontier| frontier.first().copied()));
            }
            found
        })
    }

    #[test]
    fn holds_the_earliest_pending_time() {
        // In the first round the input itself still holds 3.
        let rounds =
            vec![(vec![5], Some(5)), (vec![3, 9], Some(3)), (vec![], Some(7)), (vec![], Some(4)), (vec![], None)];
        assert_eq!(frontiers(rounds, false), [Some(3), Some(3), Some(7), Some(7), None]);
    }

    #[test]
    fn initial_capability_moves_forward_only() {
        let rounds = vec![(vec![], Some(0)), (vec![8], Some(6)), (vec![], Some(2)), (vec![], None)];
        assert_eq!(frontiers(rounds, true), [Some(0), Some(6), Some(6), None]);
    }
}
