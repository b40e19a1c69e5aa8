//! Event times as text, in the units and spellings that files have. What is finer than a millisecond is cut off.

use dataflows::log::decimal::parse;
use dataflows::progress::time::{EVENT_MS_END, EVENT_MS_MIN};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::decimal_text::json_number;

/// Unit of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// Microseconds since 1970.
    Micros,
    /// Nanoseconds since 1970.
    Nanos,
    /// A date and a time.
    Iso,
    /// Milliseconds or microseconds since 1970, which differ by their number of digits.
    MillisOrMicros,
    /// Nanoseconds since 1970, or a date and a time.
    NanosOrIso,
}

/// How times are to be read.
#[derive(Clone, Debug, Default)]
pub struct TimeRule {
    /// The unit; without one, milliseconds and dates are understood, and any other unit is an error that names it.
    pub unit: Option<TimeUnit>,
    /// The zone of a date without one.
    pub zone: Option<TimeZone>,
    /// The day of times that are milliseconds since midnight.
    pub day: Option<Date>,
}

impl TimeUnit {
    /// The unit of this name, as an option's value.
    pub fn from_name(name: &str) -> Result<Self, String> {
        let known =
            [("s", Self::Seconds), ("ms", Self::Millis), ("us", Self::Micros), ("ns", Self::Nanos), ("iso", Self::Iso)];
        let unit = known.into_iter().find(|(known, _)| *known == name).map(|(_, unit)| unit);
        unit.ok_or_else(|| format!("invalid time unit {name:?}: expected s, ms, us, ns or iso"))
    }
}

/// The event time in milliseconds of the field `name`, or the reason why it has no time.
pub fn event_ms(name: &str, text: &str, rule: &TimeRule) -> Result<i64, String> {
    let text = text.trim();
    if let Some(day) = rule.day {
        return of_day(name, text, day, rule);
    }
    let no_number = || format!("{name} is not a number: {text}");
    match rule.unit {
        Some(TimeUnit::Iso) => iso(name, text, rule),
        Some(TimeUnit::NanosOrIso) if text.contains('-') => iso(name, text, rule),
        Some(TimeUnit::NanosOrIso) => scaled(text, TimeUnit::Nanos).ok_or_else(no_number),
        Some(TimeUnit::MillisOrMicros) => {
            let ms = scaled(text, TimeUnit::Millis).ok_or_else(no_number)?;
            Ok(if is_valid(ms) { ms } else { ms.div_euclid(1_000) })
        }
        Some(unit) => scaled(text, unit).ok_or_else(no_number),
        None => match scaled(text, TimeUnit::Millis) {
            Some(ms) if is_valid(ms) => Ok(ms),
            Some(_) => Err(unit_of(name, text)),
            None => iso(name, text, rule),
        },
    }
}

fn is_valid(ms: i64) -> bool {
    (EVENT_MS_MIN..EVENT_MS_END).contains(&ms)
}

/// The error for a number that is not in milliseconds.
fn unit_of(name: &str, text: &str) -> String {
    let units = [
        (TimeUnit::Seconds, "seconds; use --time-unit s"),
        (TimeUnit::Micros, "microseconds; use --time-unit us"),
        (TimeUnit::Nanos, "nanoseconds; use --time-unit ns"),
    ];
    let found = units.into_iter().find(|(unit, _)| scaled(text, *unit).is_some_and(is_valid));
    found.map_or_else(|| format!("{name} is out of range: {text}"), |(_, hint)| format!("{name} looks like {hint}"))
}

/// A number in this unit as milliseconds, rounded down.
fn scaled(text: &str, unit: TimeUnit) -> Option<i64> {
    /// Fraction digits that the decimal keeps; it would round the others.
    const KEPT: usize = 10;
    let number = json_number(text)?;
    let kept = match number.split_once('.') {
        Some((integer, fraction)) if !fraction.contains(['e', 'E']) && fraction.len() > KEPT => {
            &number[..integer.len() + 1 + KEPT]
        }
        _ => &*number,
    };
    let per_ms = match unit {
        TimeUnit::Seconds => 10_i128.pow(7),
        TimeUnit::Micros => 10_i128.pow(13),
        TimeUnit::Nanos => 10_i128.pow(16),
        _ => 10_i128.pow(10),
    };
    i64::try_from(parse(kept.as_bytes(), KEPT as u32).ok()?.value.div_euclid(per_ms)).ok()
}

fn iso(name: &str, text: &str, rule: &TimeRule) -> Result<i64, String> {
    let zoned = text.strip_suffix(" UTC").map(|rest| format!("{rest}Z"));
    let zoned = zoned.as_deref().unwrap_or(text);
    if let Ok(timestamp) = zoned.parse::<Timestamp>() {
        return Ok(timestamp.as_nanosecond().div_euclid(1_000_000) as i64);
    }
    let Ok(local) = text.parse::<DateTime>() else { return Err(format!("{name} is not a time: {text}")) };
    in_zone(name, local, rule)
}

fn of_day(name: &str, text: &str, day: Date, rule: &TimeRule) -> Result<i64, String> {
    let ms = scaled(text, TimeUnit::Millis).filter(|ms| (0..2 * 86_400_000).contains(ms));
    let local = ms.and_then(|ms| day.to_datetime(jiff::civil::Time::midnight()).checked_add(ms.milliseconds()).ok());
    in_zone(name, local.ok_or_else(|| format!("{name} is not a number of milliseconds since midnight: {text}"))?, rule)
}

fn in_zone(name: &str, local: DateTime, rule: &TimeRule) -> Result<i64, String> {
    let Some(zone) = &rule.zone else {
        return Err(format!("{name} has no time zone; use --time-zone UTC, or another"));
    };
    let zoned = local.to_zoned(zone.clone()).map_err(|e| format!("{name}: {e}"))?;
    Ok(zoned.timestamp().as_nanosecond().div_euclid(1_000_000) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_717_421_400_123;

    fn ms(text: &str, unit: Option<TimeUnit>, zone: Option<&str>) -> Result<i64, String> {
        let zone = zone.map(|name| TimeZone::get(name).unwrap());
        event_ms("t", text, &TimeRule { unit, zone, day: None })
    }

    #[test]
    fn units_are_scaled_and_cut() {
        for (text, unit) in [
            ("1717421400.1239999999999", TimeUnit::Seconds),
            ("1717421400123", TimeUnit::Millis),
            ("1717421400123.9", TimeUnit::Millis),
            ("1717421400123999", TimeUnit::Micros),
            ("1717421400123999999", TimeUnit::Nanos),
            ("1717421400123", TimeUnit::MillisOrMicros),
            ("1717421400123999", TimeUnit::MillisOrMicros),
            ("1717421400123999999", TimeUnit::NanosOrIso),
            ("2024-06-03T13:30:00.123999999Z", TimeUnit::NanosOrIso),
            ("2024-06-03 13:30:00.1239 UTC", TimeUnit::Iso),
            ("2024-06-03T15:30:00.123+02:00", TimeUnit::Iso),
        ] {
            assert_eq!(ms(text, Some(unit), None), Ok(T), "{text}");
        }
    }

    #[test]
    fn other_units_are_named_not_guessed() {
        for text in ["1717421400123", "1717421400123.0", "1.717421400123E12", "2024-06-03T13:30:00.123Z"] {
            assert_eq!(ms(text, None, None), Ok(T), "{text}");
        }
        for (text, hint) in [
            ("1717421400", "t looks like seconds; use --time-unit s"),
            ("1717421400.123", "t looks like seconds; use --time-unit s"),
            ("1717421400123000", "t looks like microseconds; use --time-unit us"),
            ("1717421400123000000", "t looks like nanoseconds; use --time-unit ns"),
            ("5", "t is out of range: 5"),
            ("now", "t is not a time: now"),
            ("2024-06-03 13:30:00", "t has no time zone; use --time-zone UTC, or another"),
        ] {
            assert_eq!(ms(text, None, None), Err(hint.to_owned()));
        }
    }

    #[test]
    fn local_times_need_their_zone() {
        assert_eq!(ms("2024-06-03 09:30:00.123", None, Some("America/New_York")), Ok(T));
        let rule = |day: &str| TimeRule {
            zone: Some(TimeZone::get("America/New_York").unwrap()),
            day: Some(day.parse().unwrap()),
            unit: None,
        };
        assert_eq!(event_ms("time", "34200123", &rule("2024-06-03")), Ok(T));
        // The day on which clocks go back has 25 hours; the time is the clock's.
        assert_eq!(event_ms("time", "34200000", &rule("2024-11-03")), Ok(1_730_644_200_000));
    }
}
