//! From collections of rows to changes of the digest.

use std::collections::BTreeMap;

use differential_dataflow::VecCollection;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::operator::Operator;

use crate::digest::Canonical;
use crate::ledger::LedgerChange;
use crate::time::Time;

/// Hashes every update where it is, and passes on one change a time and a round of work.
pub fn digests<'scope, R: Canonical + Clone + 'static>(
    rows: VecCollection<'scope, Time, R, i64>,
    name: &str,
) -> StreamVec<'scope, Time, LedgerChange> {
    rows.inner.unary(Pipeline, name, |_, _| {
        let mut scratch = Vec::new();
        let mut changes: BTreeMap<Time, LedgerChange> = BTreeMap::new();
        move |input, output| {
            input.for_each_stamp(|capability, batches| {
                for (row, time, diff) in batches.flat_map(|batch| batch.drain(..)) {
                    let change = changes.entry(time).or_insert_with(|| LedgerChange::at(time));
                    change.digest.update(row.hash(&mut scratch), diff);
                    change.rows += diff;
                }
                output.session(&capability).give_iterator(std::mem::take(&mut changes).into_values());
            });
        }
    })
}
