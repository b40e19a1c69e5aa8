//! Metrics that are exact as of the durable frontier, exported by the worker that writes it and by every dashboard.

use dataflows::log::reject::Reason;
use dataflows::output::counters::Counter;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::Time;

use super::catalog::{self, Metric};
use super::exposition::Exposition;

/// Adds a time in milliseconds, unless it is 0, which means none.
pub fn put_time(exposition: &mut Exposition, metric: &'static Metric, time: Time) {
    if time > 0 {
        exposition.put(metric, time as f64 / 1e3);
    }
}

/// Adds all values of a frontier row except the frontier itself.
pub fn put_row(exposition: &mut Exposition, row: &FrontierRow) {
    exposition.put(&catalog::ROWS, u64::try_from(row.rows).unwrap_or(0));
    for (metric, counter) in [
        (&catalog::TRADES, Counter::Trades),
        (&catalog::LATE, Counter::Late),
        (&catalog::PRICE_UPDATES, Counter::PriceUpdates),
        (&catalog::EXCLUDED, Counter::Excluded),
        (&catalog::ROUNDED, Counter::Rounded),
        (&catalog::PROGRESS, Counter::Progress),
        (&catalog::GAPS, Counter::Gaps),
        (&catalog::BYES, Counter::Byes),
        (&catalog::IMPORTS, Counter::Imports),
        (&catalog::DUPLICATES, Counter::Duplicates),
    ] {
        exposition.put(metric, row.counter(counter));
    }
    let rejected = Reason::ALL.map(|reason| (reason.name().to_owned(), row.counter(Counter::Rejected(reason))));
    exposition.put_by(&catalog::REJECTED, rejected);
}
