//! Times on the command line.

use std::str::FromStr;

use dataflows::progress::time::{EVENT_MS_END, EVENT_MS_MIN};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::command::options::duration::Duration;
use crate::time::now_ms;

/// Accepted formats, for errors.
const EXPECTED: &str =
    "expected e.g. 2013-10-07T13:30:00Z, 2013-10-07, seconds or milliseconds since 1970, \"2h ago\", now";

/// A time in milliseconds since 1970, as an option's value: RFC 3339, a date (its midnight in UTC), a number, a
/// duration before now, or `now`. It lies between 1971 and 2100, as event times do; therefore the size of a number says
/// its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub u64);

/// Units of a number: name, how many of them are one millisecond, how many milliseconds one of them is.
const UNITS: [(&str, u64, u64); 4] =
    [("seconds", 1, 1_000), ("milliseconds", 1, 1), ("microseconds", 1_000, 1), ("nanoseconds", 1_000_000, 1)];

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text.trim(), now_ms()).map(Self)
    }
}

fn parse(text: &str, now_ms: u64) -> Result<u64, String> {
    if text == "now" {
        return Ok(now_ms);
    }
    if let Some(ago) = text.strip_suffix("ago") {
        let before = ago_ms(ago.trim()).ok_or_else(|| format!("invalid time {text:?}: expected e.g. \"2h ago\""))?;
        let ms = i64::try_from(now_ms.saturating_sub(before)).unwrap_or(i64::MAX);
        return in_range(text, ms, || "a time".to_owned());
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return of_number(text);
    }
    let date = || Some(text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    // Not for a date and a time without a zone, of which the time would be lost.
    let found = text.parse::<Timestamp>().ok().or_else(|| if text.contains([':', 'T', ' ']) { None } else { date() });
    let Some(timestamp) = found else { return Err(format!("invalid time {text:?}: {EXPECTED}")) };
    in_range(text, timestamp.as_millisecond(), || "a time".to_owned())
}

/// A duration before now; days are understood as well.
fn ago_ms(text: &str) -> Option<u64> {
    match text.strip_suffix('d') {
        Some(days) => days.trim().parse::<u64>().ok()?.checked_mul(86_400_000),
        None => Some(text.parse::<Duration>().ok()?.ms()),
    }
}

fn of_number(text: &str) -> Result<u64, String> {
    let number: u64 = text.parse().map_err(|_| format!("invalid time {text:?}: {EXPECTED}"))?;
    let ms = |(_, parts, each): (&str, u64, u64)| i64::try_from(number / parts).ok()?.checked_mul(each as i64);
    let valid = EVENT_MS_MIN..EVENT_MS_END;
    // No two ranges overlap: 1971 in milliseconds is 2969 in seconds.
    if let Some(ms) = UNITS.into_iter().find_map(|unit| ms(unit).filter(|ms| valid.contains(ms))) {
        return Ok(ms.unsigned_abs());
    }
    // The first unit in which it is not past the end; the largest numbers are past it in all of them.
    let taken = UNITS.into_iter().find(|unit| ms(*unit).is_some_and(|ms| ms < EVENT_MS_END)).unwrap_or(UNITS[3]);
    in_range(text, ms(taken).unwrap_or(i64::MAX), || format!("{text} {}", taken.0))
}

/// The time, if an event can have it; else an error that says what the text was taken for.
fn in_range(text: &str, ms: i64, taken: impl Fn() -> String) -> Result<u64, String> {
    let bound = match ms {
        ..EVENT_MS_MIN => "before 1971",
        EVENT_MS_END.. => "past 2099",
        _ => return Ok(ms.unsigned_abs()),
    };
    let time = Timestamp::from_millisecond(ms).map_or_else(|_| "no date".to_owned(), |time| time.to_string());
    Err(format!("{text} was taken for {}: {time} is {bound}; {EXPECTED}", taken()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_381_152_600_000;
    const NOW: u64 = 1_700_000_000_123;

    #[test]
    fn the_size_of_a_number_says_its_unit() {
        for text in ["1381152600", "1381152600000", "1381152600000999", "1381152600000999999"] {
            assert_eq!(parse(text, NOW), Ok(MS), "{text}");
        }
        // Just inside the first and the last year, in each unit.
        for (ms, per_ms) in
            [(EVENT_MS_MIN, 1), (EVENT_MS_END - 1, 1), (EVENT_MS_MIN, 1_000), (EVENT_MS_END - 1, 1_000_000)]
        {
            assert_eq!(parse(&(ms * per_ms).to_string(), NOW), Ok(ms.unsigned_abs()));
        }
        assert_eq!(parse("31536000", NOW), Ok(EVENT_MS_MIN.unsigned_abs()));
        assert_eq!(parse("4102444799", NOW), Ok(EVENT_MS_END.unsigned_abs() - 1_000));
    }

    #[test]
    fn texts_are_parsed() {
        for (text, ms) in [
            ("2013-10-07T13:30:00Z", MS),
            ("2013-10-07T15:30:00+02:00", MS),
            ("2013-10-07 13:30:00Z", MS),
            ("2013-10-07", MS - MS % 86_400_000),
            ("now", NOW),
            ("0s ago", NOW),
            ("2h ago", NOW - 7_200_000),
            ("90m  ago", NOW - 5_400_000),
            ("3d ago", NOW - 3 * 86_400_000),
        ] {
            assert_eq!(parse(text, NOW), Ok(ms), "{text}");
        }
    }

    #[test]
    fn errors_say_what_was_taken_for_what() {
        for (text, said) in [
            ("12345", "12345 was taken for 12345 seconds: 1970-01-01T03:25:45Z is before 1971; expected"),
            ("0", "0 was taken for 0 seconds: 1970-01-01T00:00:00Z is before 1971"),
            ("31535999", "was taken for 31535999 seconds: 1970-12-31T23:59:59Z is before 1971"),
            ("4102444800", "was taken for 4102444800 milliseconds: 1970-02-17T11:34:04.8Z is before 1971"),
            ("18446744073709551615", "is past 2099"),
            ("1969-12-31T23:59:59Z", "was taken for a time: 1969-12-31T23:59:59Z is before 1971"),
            ("2100-01-01", "2100-01-01T00:00:00Z is past 2099"),
            ("99999d ago", "is before 1971"),
            ("", "expected e.g. 2013-10-07T13:30:00Z"),
            ("yesterday", "expected e.g. 2013-10-07T13:30:00Z"),
            ("2013-10-07T13:30:00", "expected e.g. 2013-10-07T13:30:00Z"),
            ("-5", "expected e.g."),
            ("1.5", "expected e.g."),
            ("some time ago", "expected e.g. \"2h ago\""),
            ("99999999999999999999", "expected e.g."),
        ] {
            let error = parse(text, NOW).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
