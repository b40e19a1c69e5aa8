//! Dates and time zones by rules that are written out here, without a library: what the tests of calendars compare
//! with.

/// First and last year of the tests.
pub const YEARS: [i64; 2] = [2006, 2026];
pub const DAY_MS: i64 = 86_400_000;
pub const HOUR_MS: i64 = 3_600_000;

/// Days since 1970-01-01 (Hinnant's method).
pub fn day(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// 0 is Monday. 1970-01-01 was a Thursday.
pub fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

/// The `nth` Sunday of a month; the last one for 0.
fn sunday(year: i64, month: i64, nth: i64) -> i64 {
    if nth == 0 {
        let last = day(year, month + 1, 1) - 1;
        return last - (weekday(last) + 1) % 7;
    }
    let first = day(year, month, 1);
    first + (6 - weekday(first)) + 7 * (nth - 1)
}

/// How a zone changes its clocks.
#[derive(Clone, Copy)]
pub enum Rules {
    Never,
    /// Energy Policy Act of 2005, in force since 2007: at 02:00 by the local clock.
    America,
    /// Directive 2000/84/EC: at 01:00 UTC.
    Europe,
}

/// A zone: its IANA name, standard offset from UTC in hours, rules.
#[derive(Clone, Copy)]
pub struct Zone(pub &'static str, pub i64, pub Rules);

pub const ZONES: [Zone; 8] = [
    Zone("America/New_York", -5, Rules::America),
    Zone("America/Toronto", -5, Rules::America),
    Zone("Europe/London", 0, Rules::Europe),
    Zone("Europe/Berlin", 1, Rules::Europe),
    Zone("Europe/Paris", 1, Rules::Europe),
    Zone("Asia/Tokyo", 9, Rules::Never),
    Zone("Asia/Hong_Kong", 8, Rules::Never),
    Zone("UTC", 0, Rules::Never),
];

impl Zone {
    pub fn of(name: &str) -> Self {
        *ZONES.iter().find(|zone| zone.0 == name).unwrap_or_else(|| panic!("no rules of {name}"))
    }

    /// The instants in Unix milliseconds between which summer time holds in a year.
    pub fn summer(&self, year: i64) -> Option<[i64; 2]> {
        let Self(_, offset, rules) = *self;
        match rules {
            Rules::Never => None,
            Rules::America => {
                let days = if year < 2007 {
                    [sunday(year, 4, 1), sunday(year, 10, 0)]
                } else {
                    [sunday(year, 3, 2), sunday(year, 11, 1)]
                };
                // At 02:00 of standard time, and at 02:00 of summer time.
                Some([days[0] * DAY_MS + (2 - offset) * HOUR_MS, days[1] * DAY_MS + (1 - offset) * HOUR_MS])
            }
            Rules::Europe => Some([sunday(year, 3, 0), sunday(year, 10, 0)].map(|day| day * DAY_MS + HOUR_MS)),
        }
    }

    /// Offset from UTC at an instant, in milliseconds.
    pub fn offset_ms(&self, ms: i64) -> i64 {
        // The average year ends at most a day away from the real one, when no clock changes.
        let year = 1970 + ms / 31_556_952_000;
        let is_summer = self.summer(year).is_some_and(|[start, end]| (start..end).contains(&ms));
        (self.1 + i64::from(is_summer)) * HOUR_MS
    }
}

#[test]
fn dates_are_right() {
    assert_eq!((day(1970, 1, 1), day(2000, 3, 1), day(2024, 2, 29)), (0, 11_017, 19_782));
    assert_eq!((weekday(day(2024, 12, 25)), weekday(day(2013, 10, 7))), (2, 0));
    // As published for these years.
    let summer = |name: &str, year| Zone::of(name).summer(year).unwrap().map(|ms| ms / DAY_MS);
    assert_eq!(summer("America/New_York", 2006), [day(2006, 4, 2), day(2006, 10, 29)]);
    assert_eq!(summer("America/New_York", 2013), [day(2013, 3, 10), day(2013, 11, 3)]);
    assert_eq!(summer("Europe/London", 2024), [day(2024, 3, 31), day(2024, 10, 27)]);
}
