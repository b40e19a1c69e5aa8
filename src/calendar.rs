//! Trading calendars: when a market trades, from a file that people can read and edit (docs/calendars.md).
//!
//! A file has rules, dates and local hours. Reading it makes all trading days of the years that it covers, as
//! [`dataflows::calendar`] has them: from then on, only numbers are looked up.

mod closures;
pub mod error;
mod file;
mod hours;
mod rule;
mod sessions;
pub mod shipped;
mod zone;

use std::collections::BTreeMap;
use std::path::Path;

use dataflows::calendar::{DayNumber, Schedule, TradingDay};
use jiff::civil::{Date, Weekday, date};
use jiff::tz::TimeZone;

use crate::calendar::error::CalendarError;
use crate::process::os_error;

pub use rule::weekday_name;

/// The first day of day numbers.
const EPOCH: Date = date(1970, 1, 1);

/// A market's calendar.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// Where it was read from, for messages.
    pub file: String,
    /// The market identifier codes (ISO 10383) of its venues.
    pub mics: Vec<String>,
    /// Name of the market.
    pub name: String,
    /// IANA name of the time zone.
    pub zone_name: String,
    /// The time zone.
    pub zone: TimeZone,
    /// First date that is covered.
    pub first: Date,
    /// Last date that is covered.
    pub last: Date,
    closed_days: Vec<Weekday>,
    holidays: BTreeMap<Date, String>,
    specials: BTreeMap<Date, Special>,
    schedule: Schedule,
}

/// A trading day with hours of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Special {
    /// Why.
    pub name: String,
    /// The regular session opens later than usual.
    pub is_late_open: bool,
    /// The regular session closes earlier than usual.
    pub is_early_close: bool,
}

impl Calendar {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, CalendarError> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_toml(&file, &text),
            Err(error) => Err(CalendarError::Read { file, why: os_error::why(&error) }),
        }
    }

    /// Parses the text of a file. Errors name the file and the line.
    pub fn from_toml(file: &str, text: &str) -> Result<Self, CalendarError> {
        file::File::parse(file, text)?.calendar()
    }

    /// Whether it is the calendar of this market; a code may be written in any case.
    pub fn has(&self, mic: &str) -> bool {
        has(&self.mics, mic)
    }

    /// All trading days.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The trading days from one date to another, both included.
    pub fn days(&self, from: Date, to: Date) -> Result<&[TradingDay], CalendarError> {
        Ok(self.schedule.days(self.number(from)?, self.number(to)?))
    }

    /// The number of a date.
    pub fn number(&self, date: Date) -> Result<DayNumber, CalendarError> {
        if !(self.first..=self.last).contains(&date) {
            let (file, first, last) = (self.file.clone(), self.first.year(), self.last.year());
            return Err(CalendarError::NotCovered { file, date, first, last });
        }
        Ok(day_number(date))
    }

    /// Why the market is closed all day: a holiday's name, or the day of the week.
    pub fn closed_for(&self, date: Date) -> Option<&str> {
        let weekday = || self.closed_days.contains(&date.weekday()).then(|| weekday_name(date.weekday()));
        self.holidays.get(&date).map(String::as_str).or_else(weekday)
    }

    /// The name of the holiday on a date.
    pub fn holiday(&self, date: Date) -> Option<&str> {
        self.holidays.get(&date).map(String::as_str)
    }

    /// What is special about the hours of a trading day.
    pub fn special(&self, date: Date) -> Option<&Special> {
        self.specials.get(&date)
    }

    /// A hash of all that it says, in hexadecimal digits. Comments, names and the order of the file have no part in it.
    pub fn version(&self) -> String {
        format!("{:032x}", self.schedule.version())
    }
}

fn has(mics: &[String], mic: &str) -> bool {
    mics.iter().any(|known| known.eq_ignore_ascii_case(mic))
}

/// The date of a day number.
pub fn date_of(day: DayNumber) -> Date {
    EPOCH.saturating_add(jiff::Span::new().days(i64::from(day.min(4_000_000))))
}

/// The number of a date from 1970 on.
fn day_number(date: Date) -> DayNumber {
    EPOCH.until(date).map_or(0, |span| span.get_days().unsigned_abs())
}
