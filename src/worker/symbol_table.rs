//! The second input of the workers: the symbol log, as a collection that is written to the store's symbol table.
//!
//! It is a separate dataflow, whose time is the offset in the symbol log. No edge leads from it to the trades, so it
//! cannot affect their frontier, rows or digest: reference data changes no candle. It is not part of checkpoints
//! either: a start reads the log from its first offset; entries that the store already has are not written again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::Sender;
use dataflows::candles::state::Update;
use dataflows::held::HeldCapability;
use dataflows::log::batch::RecordBatch;
use dataflows::progress::time::Time;
use dataflows::symbols::entry::Entry;
use dataflows::symbols::upserts::{Upsert, upserts};
use differential_dataflow::VecCollection;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Probe as _;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::probe::Handle as Probe;
use timely::dataflow::operators::vec::Input;
use timely::worker::Worker;

use super::WorkerError;
use super::store_command::Command;
use crate::log::address::LogAddress;
use crate::log::{Log, LogError, PartitionReader};

/// Maximum bytes per read.
const READ_BYTES_MAX: usize = 1 << 20;
/// Maximum batches of entries in flight to the store.
const IN_FLIGHT_MAX: usize = 4;

/// The symbol log, with its first and end offset as of the start.
pub(super) struct SymbolLog {
    log: Box<dyn Log>,
    first: u64,
    pub(super) end: u64,
    /// Batches of entries in flight to the store, of all workers.
    in_flight: Arc<AtomicUsize>,
}

/// One worker's part of the symbol table's dataflow.
pub(super) struct SymbolTable {
    /// On the first worker, which owns the only partition.
    reading: Option<Reading>,
    written: Probe<Time>,
}

struct Reading {
    reader: Box<dyn PartitionReader>,
    input: timely::dataflow::operators::vec::input::Handle<Time, Upsert>,
    batch: RecordBatch,
    in_flight: Arc<AtomicUsize>,
    log: String,
}

impl SymbolLog {
    /// Opens the log, which has one partition.
    pub(super) fn open(address: &LogAddress) -> Result<Self, LogError> {
        let log = address.open_symbols()?;
        let (first, end) = (log.first_offset(0)?, log.end_offset(0)?);
        Ok(Self { log, first, end, in_flight: Arc::default() })
    }
}

impl SymbolTable {
    /// Builds the dataflow; only the first worker reads.
    pub(super) fn start(
        worker: &mut Worker,
        symbols: &SymbolLog,
        commands: &Sender<Command>,
    ) -> Result<Self, WorkerError> {
        let in_flight = Arc::clone(&symbols.in_flight);
        let (mut input, written) = worker.dataflow(|scope| {
            let (input, records) = scope.new_input();
            let written = sink(upserts(records), commands.clone(), Arc::clone(&in_flight));
            (input, written.probe().0)
        });
        input.advance_to(symbols.first);
        let reading = if worker.index() == 0 {
            let (reader, log) = (symbols.log.reader(0, symbols.first)?, symbols.log.name());
            Some(Reading { reader, input, batch: RecordBatch::default(), in_flight, log })
        } else {
            // The others own no partition of this log and drop their input here, deliberately.
            None
        };
        Ok(Self { reading, written })
    }

    /// Feeds the next records, unless too many batches are in flight. Returns the number of records.
    pub(super) fn feed(&mut self) -> Result<usize, WorkerError> {
        let Some(Reading { reader, input, batch, in_flight, log }) = &mut self.reading else { return Ok(0) };
        if in_flight.load(Ordering::SeqCst) >= IN_FLIGHT_MAX {
            return Ok(0);
        }
        reader.read(batch, READ_BYTES_MAX)?;
        // A record without a value is a tombstone left by compaction; its key is not available here.
        for span in batch.records.iter().filter(|span| span.total_len > 0) {
            match Entry::decode(batch.record(span)) {
                Ok(entry) => input.send(Upsert { offset: span.offset, entry }),
                Err(why) => tracing::warn!(log, offset = span.offset, why, "skipped an invalid symbol record"),
            }
        }
        input.advance_to(reader.position());
        input.flush();
        Ok(batch.records.len())
    }

    /// Whether everything before this offset has been sent to the store.
    pub(super) fn is_done(&self, end: u64) -> bool {
        !self.written.less_than(&end)
    }
}

/// Sends the last entry of each symbol to the store once the frontier has passed it. The output stream carries only its
/// frontier.
fn sink<'scope>(
    entries: VecCollection<'scope, Time, Entry, i64>,
    commands: Sender<Command>,
    in_flight: Arc<AtomicUsize>,
) -> StreamVec<'scope, Time, ()> {
    let mut builder = OperatorBuilder::new("SymbolTableSink".to_owned(), entries.inner.scope());
    let mut input = builder.new_input(entries.inner, Pipeline);
    let (_output, stream) = builder.new_output::<Vec<()>>();
    let mut waiting: BTreeMap<Time, Vec<Update<Entry>>> = BTreeMap::new();
    let mut held = HeldCapability::<1>::none();
    builder.build(move |_| {
        move |frontiers| {
            input.for_each(|message, updates| {
                held.retain(&message);
                updates.drain(..).for_each(|update| waiting.entry(update.1).or_default().push(update));
            });
            let frontier = frontiers[0].frontier().first().copied().unwrap_or(Time::MAX);
            let later = waiting.split_off(&frontier);
            let rows = last_of_each(std::mem::replace(&mut waiting, later).into_values().flatten());
            if !rows.is_empty() {
                in_flight.fetch_add(1, Ordering::SeqCst);
                let in_flight = Arc::clone(&in_flight);
                let ack = Box::new(move || {
                    in_flight.fetch_sub(1, Ordering::SeqCst);
                });
                // The store thread is gone only after an error, which ends the process.
                let _ = commands.send(Command::Symbols(rows, ack));
            }
            held.keep_from(waiting.first_key_value().map(|(time, _)| *time));
        }
    });
    stream
}

/// The last entry of each symbol, from updates in time order. A retraction adds nothing to the new value.
fn last_of_each(updates: impl Iterator<Item = Update<Entry>>) -> Vec<Entry> {
    let rows = updates.filter(|(_, _, diff)| *diff > 0).map(|(entry, _, _)| (entry.symbol.clone(), entry));
    rows.collect::<BTreeMap<_, _>>().into_values().collect()
}
