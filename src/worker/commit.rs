//! The committer, on the first worker: when rows are durable everywhere up to a frontier, the frontier itself is
//! written, with the digest of everything before it. The frontier of its output is the durable frontier that all
//! workers see.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;
use dataflows::held::HeldCapability;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::output::ledger::{Ledger, LedgerChange, LedgerState};
use dataflows::progress::time::Time;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use super::store_command::Command;

/// Times at which an exact frontier row is written: checkpoints, and the stops of the configuration.
pub(super) type Stops = Rc<RefCell<BTreeSet<Time>>>;

/// A write in progress, with the capability that holds back the frontier until it is acknowledged.
struct Commit {
    done: Arc<AtomicBool>,
    _capability: Capability<Time>,
}

/// Where commits begin.
pub(super) struct CommitStart {
    /// The ledger to go on from.
    pub(super) ledger: LedgerState,
    /// The store has the rows of the minutes up to this time already.
    pub(super) known: Time,
}

/// Commits each advance of the frontier of `changes` and, if rows are kept, of `durable_rows`. The output stream
/// carries only its frontier. `committed` receives each row and returns the resume points to store with it; `prove`
/// receives the ledger as of each stop, and nothing more is written once it is refused.
pub(super) fn commit<'scope>(
    changes: StreamVec<'scope, Time, LedgerChange>,
    durable_rows: Option<StreamVec<'scope, Time, ()>>,
    start: CommitStart,
    stops: Stops,
    prove: impl Fn(&FrontierRow) -> bool + 'static,
    committed: impl Fn(&LedgerState) -> String + 'static,
    commands: Sender<Command>,
) -> StreamVec<'scope, Time, ()> {
    let CommitStart { ledger: start, known } = start;
    let scope = changes.scope();
    let is_first = scope.index() == 0;
    let mut builder = OperatorBuilder::new("Commit".to_owned(), scope);
    let mut changes = builder.new_input(changes, Exchange::new(|_: &LedgerChange| 0));
    let mut durable_rows = durable_rows.map(|rows| builder.new_input(rows, Exchange::new(|_: &()| 0)));
    let (_output, stream) = builder.new_output::<Vec<()>>();
    let activator = scope.worker().sync_activator_for(builder.operator_info().address.to_vec());
    builder.build(move |mut capabilities| {
        // The first worker holds back the frontier from the start; each commit advances it. The others hold nothing.
        let initial = capabilities.pop().filter(|_| is_first);
        let mut held = initial.map_or(HeldCapability::none(), |initial| HeldCapability::initial([initial]));
        // The checkpoint is durable already; without this a resumed run would wait for its frontier before it reads.
        held.keep_from(Some(start.row.frontier));
        let mut ledger = Ledger::new(start);
        let mut writing: Option<Commit> = None;
        move |frontiers| {
            changes.for_each(|_, batch| batch.drain(..).for_each(|change| ledger.add(&change)));
            durable_rows.iter_mut().for_each(|rows| rows.for_each(|_, _| {}));
            if writing.as_ref().is_some_and(|commit| commit.done.load(Ordering::SeqCst)) {
                writing = None;
            }
            let frontier = frontiers.iter().filter_map(|f| f.frontier().first().copied()).min();
            let Some((frontier, [capability])) = frontier.zip(held.get()) else { return };
            let frontier = ledger.exact(frontier);
            if writing.is_some() || frontier <= ledger.row().frontier {
                return;
            }
            let mut kept = Vec::new();
            let due = stops.borrow().range(..=frontier).copied().collect::<Vec<_>>();
            for stop in due {
                stops.borrow_mut().remove(&stop);
                if stop > ledger.row().frontier {
                    kept.extend(ledger.advance(stop));
                    if !prove(ledger.row()) {
                        // The worker ends with the error.
                        return;
                    }
                    // The store thread is gone only after an error, which ends the process.
                    let _ = commands.send(Command::LedgerAt(ledger.state()));
                }
            }
            kept.extend(ledger.advance(frontier));
            // What a log that was cut makes of them is found out where the start is to prove itself, and said there.
            kept.retain(|row| row.frontier > known);
            let done = Arc::new(AtomicBool::new(false));
            writing = Some(Commit { done: Arc::clone(&done), _capability: capability.clone() });
            held.keep_from(Some(frontier));
            let activator = activator.clone();
            let ack = Box::new(move || {
                done.store(true, Ordering::SeqCst);
                let _ = activator.activate();
            });
            let (row, resume) = (ledger.row().clone(), committed(&ledger.state()));
            let _ = commands.send(Command::Frontier { row, kept, resume, ack });
        }
    });
    stream
}
