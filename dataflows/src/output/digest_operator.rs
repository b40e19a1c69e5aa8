//! From collections of rows to changes of their digest.

use std::collections::BTreeMap;

use differential_dataflow::VecCollection;
use differential_dataflow::collection::AsCollection;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use crate::candles::state::Update;
use crate::output::digest::Canonical;
use crate::output::ledger::LedgerChange;
use crate::progress::time::Time;

/// Rows, and their changes of the digest.
pub type Digested<'scope, R> = (VecCollection<'scope, Time, R, i64>, StreamVec<'scope, Time, LedgerChange>);

/// Changes of digest and row count, by time.
#[derive(Default)]
pub struct Sums {
    by_time: BTreeMap<Time, LedgerChange>,
    scratch: Vec<u8>,
}

impl Sums {
    /// Adds an update.
    #[inline]
    pub fn add<R: Canonical>(&mut self, (row, time, diff): &Update<R>) {
        let sum = self.by_time.entry(*time).or_insert_with(|| LedgerChange::at(*time));
        sum.digest.update(row.hash(&mut self.scratch), *diff);
        sum.rows += diff;
    }

    /// The changes since the last call, ascending.
    pub fn take(&mut self) -> impl Iterator<Item = LedgerChange> + use<> {
        std::mem::take(&mut self.by_time).into_values()
    }
}

/// Hashes every update in place and passes it on uncopied; emits one change per time and message.
pub fn digests<'scope, R: Canonical + Clone + 'static>(
    rows: VecCollection<'scope, Time, R, i64>,
    name: &str,
) -> Digested<'scope, R> {
    let mut builder = OperatorBuilder::new(name.to_owned(), rows.inner.scope());
    let mut input = builder.new_input(rows.inner, Pipeline);
    let (passed, row_stream) = builder.new_output::<Vec<Update<R>>>();
    let (changes, change_stream) = builder.new_output::<Vec<LedgerChange>>();
    let mut passed = OutputBuilder::<_, CapacityContainerBuilder<_>>::from(passed);
    let mut changes = OutputBuilder::<_, CapacityContainerBuilder<_>>::from(changes);
    builder.build(move |_| {
        let mut sums = Sums::default();
        move |_| {
            let (mut passed, mut changes) = (passed.activate(), changes.activate());
            input.for_each_stamp(|capability, batches| {
                let mut passed = passed.session(&capability);
                for batch in batches {
                    batch.iter().for_each(|update| sums.add(update));
                    passed.give_container(batch);
                }
                changes.session(&capability).give_iterator(sums.take());
            });
        }
    });
    (row_stream.as_collection(), change_stream)
}
