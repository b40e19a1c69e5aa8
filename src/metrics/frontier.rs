//! What is exact as of the durable frontier: told alike by who writes it and by who reads it in the store.

use dataflows::log::reject::Reason;
use dataflows::output::counters::Tally;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::Time;

use super::catalog::{self, Name};
use super::exposition::Sheet;

/// Tells a time in milliseconds, unless it is 0, which stands for none.
pub fn put_time(sheet: &mut Sheet, name: &'static Name, time: Time) {
    if time > 0 {
        sheet.put(name, time as f64 / 1e3);
    }
}

/// Tells what is exact as of a frontier, beside the frontier itself.
pub fn put_row(sheet: &mut Sheet, row: &FrontierRow) {
    sheet.put(&catalog::ROWS, u64::try_from(row.rows).unwrap_or(0));
    for (name, tally) in [
        (&catalog::TRADES, Tally::Trades),
        (&catalog::LATE, Tally::Late),
        (&catalog::PRICE_UPDATES, Tally::PriceUpdates),
        (&catalog::EXCLUDED, Tally::Excluded),
        (&catalog::ROUNDED, Tally::Rounded),
        (&catalog::PROGRESS, Tally::Progress),
        (&catalog::GAPS, Tally::Gaps),
        (&catalog::BYES, Tally::Byes),
    ] {
        sheet.put(name, row.tally(tally));
    }
    let rejected = Reason::ALL.map(|reason| (reason.name().to_owned(), row.tally(Tally::Rejected(reason))));
    sheet.put_by(&catalog::REJECTED, rejected);
}
