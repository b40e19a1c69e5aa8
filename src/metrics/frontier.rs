//! What is exact as of the durable frontier: told alike by who writes it and by who reads it in the store.

use dataflows::frontier::FrontierRow;
use dataflows::reject::Reason;
use dataflows::tally::Tally;
use dataflows::time::Time;

use super::names::{self, Name};
use super::sheet::Sheet;

/// Tells a time in milliseconds, unless it is 0, which stands for none.
pub fn put_time(sheet: &mut Sheet, name: &'static Name, time: Time) {
    if time > 0 {
        sheet.put(name, time as f64 / 1e3);
    }
}

/// Tells what is exact as of a frontier, beside the frontier itself.
pub fn put_row(sheet: &mut Sheet, row: &FrontierRow) {
    sheet.put(&names::ROWS, u64::try_from(row.rows).unwrap_or(0));
    for (name, tally) in [
        (&names::TRADES, Tally::Trades),
        (&names::LATE, Tally::Late),
        (&names::PRICE_UPDATES, Tally::PriceUpdates),
        (&names::EXCLUDED, Tally::Excluded),
        (&names::ROUNDED, Tally::Rounded),
        (&names::PROGRESS, Tally::Progress),
        (&names::GAPS, Tally::Gaps),
        (&names::BYES, Tally::Byes),
    ] {
        sheet.put(name, row.tally(tally));
    }
    let rejected = Reason::ALL.map(|reason| (reason.name().to_owned(), row.tally(Tally::Rejected(reason))));
    sheet.put_by(&names::REJECTED, rejected);
}
