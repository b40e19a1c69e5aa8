//! What is exact as of the durable frontier: told alike by who writes it and by who reads it in the store.

use dataflows::log::reject::Reason;
use dataflows::output::counters::Counter;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::Time;

use super::catalog::{self, Name};
use super::exposition::Exposition;

/// Tells a time in milliseconds, unless it is 0, which stands for none.
pub fn put_time(exposition: &mut Exposition, name: &'static Name, time: Time) {
    if time > 0 {
        exposition.put(name, time as f64 / 1e3);
    }
}

/// Tells what is exact as of a frontier, beside the frontier itself.
pub fn put_row(exposition: &mut Exposition, row: &FrontierRow) {
    exposition.put(&catalog::ROWS, u64::try_from(row.rows).unwrap_or(0));
    for (name, counter) in [
        (&catalog::TRADES, Counter::Trades),
        (&catalog::LATE, Counter::Late),
        (&catalog::PRICE_UPDATES, Counter::PriceUpdates),
        (&catalog::EXCLUDED, Counter::Excluded),
        (&catalog::ROUNDED, Counter::Rounded),
        (&catalog::PROGRESS, Counter::Progress),
        (&catalog::GAPS, Counter::Gaps),
        (&catalog::BYES, Counter::Byes),
    ] {
        exposition.put(name, row.counter(counter));
    }
    let rejected = Reason::ALL.map(|reason| (reason.name().to_owned(), row.counter(Counter::Rejected(reason))));
    exposition.put_by(&catalog::REJECTED, rejected);
}
