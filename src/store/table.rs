//! Table names, columns and buckets, the same in every store. A bucket bounds the size of a partition.
//!
//! Buckets follow the calendar (UTC), so that a hand-written query can name the buckets of a time range.

use dataflows::output::to_f64::INDICATOR_COLUMNS;
use dataflows::progress::time::{DAY_MS, EVENT_MS_END, Resolution};

/// Columns of a candle after its key, in table order.
pub const CANDLE_VALUES: &str = "open, high, low, close, volume, notional, vwap, trades, as_of";
/// Columns of a symbol table entry after its key, in table order.
pub const SYMBOL_VALUES: &str = "display_symbol, name, market, exchange, mic, currency, security_type, figi, isin, \
                                 status, renamed_to, first_seen, last_seen, as_of";

/// Columns of a rejected record after its key, in table order.
pub const REJECTED_VALUES: &str = "reason, original, original_bytes_total, as_of";
/// Columns of a gap after its key, in table order.
pub const GAP_VALUES: &str = "source, gap_end, cause, as_of";

/// Columns of an indicator row after its key, in table order.
pub fn indicator_values() -> String {
    format!("{}, candles, cumulative_trades, as_of", INDICATOR_COLUMNS.join(", "))
}

/// Start of the bucket that holds a gap, in milliseconds: the month of its start. Times before 1970 and after 2100
/// share the first and the last bucket.
pub fn gap_bucket_ms(from_ms: i64) -> u64 {
    month_ms(from_ms.clamp(0, EVENT_MS_END).unsigned_abs())
}

/// The candle table of a resolution.
pub const fn candles(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::S5 => "candles_5s",
        Resolution::M1 => "candles_1m",
        Resolution::M5 => "candles_5m",
        Resolution::H1 => "candles_1h",
        Resolution::D1 => "candles_1d",
    }
}

/// Start of the bucket that holds a window, in milliseconds: a day for windows of up to 5 m, a year for longer ones. So
/// the rows of a symbol of one moment have two partition keys, and are two mutations.
pub fn bucket_ms(resolution: Resolution, window_start_ms: u64) -> u64 {
    match resolution {
        Resolution::S5 | Resolution::M1 | Resolution::M5 => window_start_ms - window_start_ms % DAY_MS,
        Resolution::H1 | Resolution::D1 => year_start_day(year(window_start_ms / DAY_MS)) * DAY_MS,
    }
}

/// Start of the month that holds a time, in milliseconds.
pub fn month_ms(time_ms: u64) -> u64 {
    let day = time_ms / DAY_MS;
    let year = year(day);
    let february = if year_start_day(year + 1) - year_start_day(year) == 366 { 29 } else { 28 };
    let mut start = year_start_day(year);
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < start + days {
            break;
        }
        start += days;
    }
    start * DAY_MS
}

/// The year that holds a day since 1970-01-01.
fn year(day: u64) -> u64 {
    // 400 years have 146,097 days; the guess is at most one year off.
    let mut year = 1970 + day * 400 / 146_097;
    while year_start_day(year) > day {
        year -= 1;
    }
    while year_start_day(year + 1) <= day {
        year += 1;
    }
    year
}

/// Days from 1970-01-01 to January 1 of a year from 1970 on.
const fn year_start_day(year: u64) -> u64 {
    const fn leap_days_before(year: u64) -> u64 {
        (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400
    }
    (year - 1970) * 365 + leap_days_before(year) - leap_days_before(1970)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn buckets_are_days_and_years() {
        // Compared with an independent calendar over all days of event time, ends of centuries included.
        let mut day = date(1970, 1, 1);
        let of = |date: jiff::civil::Date| date.to_zoned(TimeZone::UTC).unwrap().timestamp().as_millisecond() as u64;
        while day < date(2105, 1, 1) {
            for ms in [of(day), of(day) + DAY_MS - 1] {
                assert_eq!(bucket_ms(Resolution::S5, ms), of(day));
                assert_eq!(bucket_ms(Resolution::M5, ms), of(day));
                assert_eq!(month_ms(ms), of(day.first_of_month()), "{day}");
                assert_eq!(bucket_ms(Resolution::D1, ms), of(day.first_of_year()), "{day}");
            }
            day = day.tomorrow().unwrap();
        }
        assert!(month_ms(u64::MAX) > u64::MAX - 32 * DAY_MS);
        assert!(bucket_ms(Resolution::H1, u64::MAX) > u64::MAX - 367 * DAY_MS);
    }

    #[test]
    fn buckets_hold_whole_windows_and_few_of_them() {
        for resolution in Resolution::ALL {
            assert_eq!(candles(resolution), format!("candles_{}", resolution.name()));
            let of = |day: u64| bucket_ms(resolution, day * DAY_MS);
            let lengths: Vec<u64> = (1..2_000).filter(|day| of(*day) == day * DAY_MS).map(|day| day * DAY_MS).collect();
            for ends in lengths.windows(2) {
                assert!((ends[1] - ends[0]) / resolution.length_ms() <= 17_280);
            }
        }
    }
}
