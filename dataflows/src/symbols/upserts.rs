//! From the symbol log to a differential collection: each record replaces its symbol's entry.
//!
//! The time of this collection is the offset in the symbol log, and nothing else: it runs in its own dataflow
//! apart from the trades, so it can neither hold back nor advance their frontier, rows or digest. An update's own
//! time is its record's offset; the message that carries it has that time or an earlier one.

use std::collections::BTreeMap;

use differential_dataflow::VecCollection;
use differential_dataflow::collection::AsCollection;
use serde::{Deserialize, Serialize};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use xxhash_rust::xxh3::xxh3_64;

use super::entry::Entry;
use crate::candles::state::Update;
use crate::held::HeldCapability;
use crate::progress::time::Time;

/// One record of the symbol log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Upsert {
    /// Its offset. Of one symbol the record with the greatest offset counts.
    pub offset: Time,
    /// Its entry.
    pub entry: Entry,
}

/// The entries of one worker's symbols, and the records not applied yet.
#[derive(Debug, Default)]
struct SymbolTable {
    known: BTreeMap<String, Upsert>,
    waiting: BTreeMap<Time, Vec<Upsert>>,
}

/// The symbol table as a collection: at each offset, the newest entry of each symbol so far. A withdrawn entry stays in
/// it: compaction may leave nothing else of its symbol, and a reader that missed the rest must receive it.
/// Records may arrive in any order that the frontier allows, and more than once.
pub fn upserts<'scope>(records: StreamVec<'scope, Time, Upsert>) -> VecCollection<'scope, Time, Entry, i64> {
    let mut builder = OperatorBuilder::new("SymbolTable".to_owned(), records.scope());
    let by_symbol = Exchange::new(|upsert: &Upsert| xxh3_64(upsert.entry.symbol.as_bytes()));
    let mut input = builder.new_input(records, by_symbol);
    let (output, stream) = builder.new_output::<Vec<Update<Entry>>>();
    let mut output = OutputBuilder::<_, CapacityContainerBuilder<Vec<_>>>::from(output);
    let mut table = SymbolTable::default();
    builder.build(move |_| {
        let mut held = HeldCapability::<1>::none();
        move |frontiers| {
            input.for_each(|message, batch| {
                let Some(&time) = message.least() else { return };
                held.retain(&message);
                batch.drain(..).for_each(|upsert| table.take(time, upsert));
            });
            let frontier = frontiers[0].frontier().first().copied().unwrap_or(Time::MAX);
            if let Some([capability]) = held.get() {
                let mut output = output.activate();
                let mut session = output.session(capability);
                table.advance(frontier, |update| session.give(update));
            }
            held.keep_from(table.waiting.first_key_value().map(|(time, _)| *time));
        }
    });
    stream.as_collection()
}

impl SymbolTable {
    /// A re-read record takes effect no earlier than its message.
    fn take(&mut self, message_time: Time, upsert: Upsert) {
        self.waiting.entry(upsert.offset.max(message_time)).or_default().push(upsert);
    }

    /// Applies everything before the frontier, in the order of time. Within one time the order does not matter: of one
    /// symbol the greatest offset stays, and everything between cancels out.
    fn advance(&mut self, frontier: Time, mut give: impl FnMut(Update<Entry>)) {
        while let Some(first) = self.waiting.first_entry().filter(|first| *first.key() < frontier) {
            let (time, upserts) = first.remove_entry();
            for upsert in upserts {
                apply(&mut self.known, upsert, |entry, diff| give((entry, time, diff)));
            }
        }
    }
}

/// Replaces a symbol's entry by a record, unless the entry has the same offset or a later one.
fn apply(known: &mut BTreeMap<String, Upsert>, upsert: Upsert, mut give: impl FnMut(Entry, i64)) {
    let old = known.get(upsert.entry.symbol.as_str());
    if old.is_some_and(|old| old.offset >= upsert.offset) {
        return;
    }
    if old.is_none_or(|old| old.entry != upsert.entry) {
        old.into_iter().for_each(|old| give(old.entry.clone(), -1));
        give(upsert.entry.clone(), 1);
    }
    known.insert(upsert.entry.symbol.to_string(), upsert);
}
