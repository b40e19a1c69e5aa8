//! Rules for the dates of holidays, as calendar files write them: `12-25`, `3rd Monday of January`, `easter - 2`.

use jiff::civil::{Date, Weekday};
use serde::Deserialize;

/// Names of the days of the week, Monday first.
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// Names of the months, January first.
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Which weekday of a month.
const ORDINALS: [(&str, i8); 5] = [("1st", 1), ("2nd", 2), ("3rd", 3), ("4th", 4), ("last", -1)];
/// Most days that a rule may be away from its anchor.
const OFFSET_DAYS_MAX: i64 = 100;
/// Accepted formats, for errors.
const EXPECTED: &str = "invalid rule: expected e.g. \"12-25\", \"3rd Monday of January\", \"last Monday of May\", \
    \"Monday before 05-25\", \"easter - 2\" or \"4th Thursday of November + 1\"";

/// A rule that gives one date per year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Rule {
    anchor: Anchor,
    offset_days: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Anchor {
    /// Month and day.
    Fixed(i8, i8),
    /// Which one, weekday and month.
    Nth(i8, Weekday, i8),
    /// The weekday before a month and day.
    Before(Weekday, i8, i8),
    /// Easter Sunday of the Gregorian calendar.
    Easter,
}

impl TryFrom<String> for Rule {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        parse(&text).ok_or(EXPECTED)
    }
}

impl Rule {
    /// The date in a year; none where the year lacks it, such as February 29.
    pub fn date(&self, year: i16) -> Option<Date> {
        let anchor = match self.anchor {
            Anchor::Fixed(month, day) => Date::new(year, month, day).ok()?,
            Anchor::Nth(nth, weekday, month) => {
                Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok()?
            }
            Anchor::Before(weekday, month, day) => Date::new(year, month, day).ok()?.nth_weekday(-1, weekday).ok()?,
            Anchor::Easter => easter(year)?,
        };
        anchor.checked_add(jiff::Span::new().try_days(self.offset_days).ok()?).ok()
    }
}

/// A day of the week by its name, in any case.
pub fn weekday(name: &str) -> Option<Weekday> {
    let at = WEEKDAYS.iter().position(|known| known.eq_ignore_ascii_case(name))?;
    Weekday::from_monday_one_offset(at as i8 + 1).ok()
}

/// The name of a day of the week.
pub fn weekday_name(weekday: Weekday) -> &'static str {
    WEEKDAYS[weekday.to_monday_zero_offset().unsigned_abs() as usize]
}

fn parse(text: &str) -> Option<Rule> {
    let split = |sign: &str| text.split_once(sign);
    let (anchor, offset_days) = match (split(" + "), split(" - ")) {
        (Some((anchor, days)), None) => (anchor, number(days)?),
        (None, Some((anchor, days))) => (anchor, -number(days)?),
        (None, None) => (text, 0),
        (Some(_), Some(_)) => return None,
    };
    (offset_days.abs() <= OFFSET_DAYS_MAX).then_some(Rule { anchor: self::anchor(anchor)?, offset_days })
}

fn anchor(text: &str) -> Option<Anchor> {
    let words: Vec<&str> = text.split(' ').collect();
    match words[..] {
        ["easter"] => Some(Anchor::Easter),
        [date] => month_and_day(date).map(|(month, day)| Anchor::Fixed(month, day)),
        [name, "before", date] => {
            let (month, day) = month_and_day(date)?;
            Some(Anchor::Before(weekday(name)?, month, day))
        }
        [nth, name, "of", month] => {
            let (_, nth) = ORDINALS.into_iter().find(|(known, _)| *known == nth)?;
            let month = MONTHS.iter().position(|known| known.eq_ignore_ascii_case(month))?;
            Some(Anchor::Nth(nth, weekday(name)?, month as i8 + 1))
        }
        _ => None,
    }
}

/// `02-29` is a date of leap years.
fn month_and_day(text: &str) -> Option<(i8, i8)> {
    let (month, day) = text.split_once('-')?;
    let of = |text: &str| (text.len() == 2).then(|| number(text)).flatten()?.try_into().ok();
    let (month, day) = (of(month)?, of(day)?);
    Date::new(2024, month, day).ok().map(|_| (month, day))
}

fn number(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Easter Sunday, by the method of Meeus, Jones and Butcher.
fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let sum = h + l - 7 * ((a + 11 * h + 22 * l) / 451) + 114;
    Date::new(year, (sum / 31) as i8, (sum % 31 + 1) as i8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(rule: &str, year: i16) -> Option<String> {
        parse(rule).unwrap_or_else(|| panic!("{rule}")).date(year).map(|date| date.to_string())
    }

    #[test]
    fn rules_give_dates() {
        for (rule, wanted) in [
            ("12-25", "2024-12-25"),
            ("1st Monday of May", "2024-05-06"),
            ("3rd monday of january", "2024-01-15"),
            ("4th thursday of november + 1", "2024-11-29"),
            ("last monday of may", "2024-05-27"),
            ("monday before 05-25", "2024-05-20"),
            ("friday before 05-25", "2024-05-24"),
            ("saturday before 05-25", "2024-05-18"),
            ("easter", "2024-03-31"),
            ("easter - 2", "2024-03-29"),
            ("easter + 50", "2024-05-20"),
            ("02-29", "2024-02-29"),
            ("12-31 + 1", "2025-01-01"),
        ] {
            assert_eq!(date(rule, 2024).as_deref(), Some(wanted), "{rule}");
        }
        assert_eq!(date("02-29", 2023), None);
    }

    /// From the church's published tables.
    #[test]
    fn easter_is_the_published_one() {
        for known in ["1981-04-19", "2000-04-23", "2008-03-23", "2011-04-24", "2019-04-21", "2038-04-25", "2076-04-19"]
        {
            let year = known[..4].parse().unwrap();
            assert_eq!(date("easter", year).as_deref(), Some(known));
        }
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in [
            "",
            "easter-2",
            "easter - ",
            "easter + 1 - 1",
            "easter + 101",
            "13-01",
            "02-30",
            "2-03",
            "12-25 ",
            "5th monday of may",
            "1st monday",
            "monday before easter",
            "+ 1",
            "12-+5",
            "easter + 99999999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
