//! The format of calendar files (docs/calendars.md), and what each value may be.

use dataflows::toml_error;
use jiff::civil::{Date, Weekday, date};
use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::error::CalendarError;
use super::hours::{Clock, Hours, Window};
use super::rule::{Rule, weekday};
use super::{Calendar, closures, sessions};

/// Years that event times can have.
const YEARS: std::ops::RangeInclusive<i16> = 1971..=2099;

/// A parsed file.
pub struct File<'a> {
    /// Name for messages.
    pub path: &'a str,
    text: &'a str,
    /// The content.
    pub content: Content,
    /// The time zone.
    pub zone: TimeZone,
    /// First covered date.
    pub first: Date,
    /// Last covered date.
    pub last: Date,
}

/// The content of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    mics: Spanned<Vec<String>>,
    name: String,
    zone: Spanned<String>,
    years: Spanned<[i16; 2]>,
    #[serde(default)]
    pub closed_days: Vec<ClosedDay>,
    pub hours: Spanned<Vec<Spanned<HoursEntry>>>,
    #[serde(default)]
    pub holiday: Vec<Spanned<DayEntry>>,
    #[serde(default)]
    pub special: Vec<Spanned<DayEntry>>,
}

/// A day of the week on which the market is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ClosedDay(pub Weekday);

impl TryFrom<String> for ClosedDay {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        weekday(&name).map(Self).ok_or("invalid day of the week: expected e.g. \"Sunday\"")
    }
}

/// A date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Datetime")]
pub struct Day(pub Date);

impl TryFrom<Datetime> for Day {
    type Error = &'static str;

    fn try_from(value: Datetime) -> Result<Self, Self::Error> {
        let Datetime { date: Some(day), time: None, offset: None } = value else { return Err("expected a date") };
        let parts = (i16::try_from(day.year), i8::try_from(day.month), i8::try_from(day.day));
        let (Ok(year), Ok(month), Ok(day)) = parts else { return Err("expected a date") };
        Date::new(year, month, day).map(Self).map_err(|_| "no such date")
    }
}

/// The hours from a date on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoursEntry {
    pub from: Day,
    regular: Window,
    #[serde(rename = "break")]
    pause: Option<Window>,
    pre: Option<Window>,
    post: Option<Window>,
}

impl HoursEntry {
    /// The hours.
    pub fn hours(&self) -> Hours {
        Hours { regular: self.regular, pause: self.pause, pre: self.pre, post: self.post }
    }
}

/// Where the observance of a date goes that falls on a closed day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weekend {
    /// Of Saturday to Friday, of Sunday to Monday.
    Nearest,
    /// To the next day that is neither a weekly closed day nor another holiday.
    Next,
    /// To the last such day before.
    Previous,
    /// As `next`, from a Sunday only.
    SundayNext,
}

/// A holiday, or days with special hours: by a rule, by dates, or both.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayEntry {
    pub name: String,
    pub on: Option<Rule>,
    pub weekend: Option<Weekend>,
    pub years: Option<[i16; 2]>,
    #[serde(default)]
    pub except: Vec<i16>,
    #[serde(default)]
    pub dates: Vec<Day>,
    pub open: Option<Clock>,
    pub close: Option<Clock>,
    #[serde(rename = "break")]
    pub pause: Option<Change>,
    pub pre: Option<Change>,
    pub post: Option<Change>,
}

/// Other hours of a part of a day, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Change(pub Option<Window>);

impl TryFrom<String> for Change {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "none" { Ok(Self(None)) } else { Window::try_from(text).map(|window| Self(Some(window))) }
    }
}

impl<'a> File<'a> {
    /// Parses a text, and checks the values that stand for themselves.
    pub fn parse(path: &'a str, text: &'a str) -> Result<Self, CalendarError> {
        let content: Content = toml::from_str(text).map_err(|error| CalendarError::Shape {
            file: path.to_owned(),
            what: toml_error::describe(text, &error),
        })?;
        let placeholder = date(1970, 1, 1);
        let mut file = Self { path, text, content, zone: TimeZone::UTC, first: placeholder, last: placeholder };
        file.check_head()?;
        file.check_hours()?;
        file.check_days()?;
        Ok(file)
    }

    /// The calendar.
    pub fn calendar(self) -> Result<Calendar, CalendarError> {
        let holidays = closures::holidays(&self)?;
        let (specials, schedule) = sessions::make(&self, &holidays)?;
        let Self { path, content, zone, first, last, .. } = self;
        Ok(Calendar {
            file: path.to_owned(),
            mics: content.mics.into_inner(),
            name: content.name,
            zone_name: content.zone.into_inner(),
            zone,
            first,
            last,
            closed_days: content.closed_days.iter().map(|day| day.0).collect(),
            holidays,
            specials,
            schedule,
        })
    }

    /// The codes of its markets.
    pub fn mics(&self) -> &[String] {
        self.content.mics.as_ref()
    }

    /// An error at a value of the file.
    pub fn error<T>(&self, at: &Spanned<T>, what: impl Into<String>) -> CalendarError {
        let before = self.text.get(..at.span().start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        CalendarError::Invalid { file: self.path.to_owned(), line, what: what.into() }
    }

    /// Whether the market is closed on this day of every week.
    pub fn is_closed_day(&self, date: Date) -> bool {
        self.content.closed_days.contains(&ClosedDay(date.weekday()))
    }

    /// Whether a date is covered.
    pub fn covers(&self, date: Date) -> bool {
        (self.first..=self.last).contains(&date)
    }

    fn check_head(&mut self) -> Result<(), CalendarError> {
        let Content { mics, zone, years, .. } = &self.content;
        let is_name = |mic: &String| !mic.is_empty() && mic.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if mics.as_ref().is_empty() || !mics.as_ref().iter().all(is_name) {
            return Err(self.error(mics, "mics needs at least one name, each of letters and digits"));
        }
        let [first, last] = *years.as_ref();
        if first > last || !YEARS.contains(&first) || !YEARS.contains(&last) {
            let (least, most) = (YEARS.start(), YEARS.end());
            return Err(self.error(years, format!("invalid years: expected [first, last] within {least} to {most}")));
        }
        let unknown = |_| self.error(zone, "unknown time zone: expected an IANA name, e.g. \"America/New_York\"");
        let zone = TimeZone::get(zone.as_ref()).map_err(unknown)?;
        (self.zone, self.first, self.last) = (zone, date(first, 1, 1), date(last, 12, 31));
        Ok(())
    }

    fn check_hours(&self) -> Result<(), CalendarError> {
        let entries = self.content.hours.as_ref();
        if entries.first().is_none_or(|entry| entry.as_ref().from.0 > self.first) {
            let at = &self.content.hours;
            return Err(self.error(at, format!("the first [[hours]] must be from {} or earlier", self.first)));
        }
        for (entry, next) in entries.iter().zip(&entries[1..]) {
            if next.as_ref().from.0 <= entry.as_ref().from.0 {
                return Err(self.error(next, "[[hours]] must ascend by `from`"));
            }
        }
        let wrong = |entry: &Spanned<HoursEntry>| Some(self.error(entry, entry.as_ref().hours().wrong()?));
        entries.iter().find_map(wrong).map_or(Ok(()), Err)
    }

    fn check_days(&self) -> Result<(), CalendarError> {
        let Content { holiday, special, .. } = &self.content;
        for entry in holiday.iter().chain(special) {
            let DayEntry { on, weekend, years, except, dates, .. } = entry.as_ref();
            if on.is_none() && dates.is_empty() {
                return Err(self.error(entry, "it has no days: add `on` with a rule, or `dates`"));
            }
            if on.is_none() && (weekend.is_some() || years.is_some() || !except.is_empty()) {
                return Err(self.error(entry, "weekend, years and except belong to a rule: add `on`, or remove them"));
            }
            if years.is_some_and(|[first, last]| first > last) {
                return Err(self.error(entry, "invalid years: expected [first, last]"));
            }
            if let Some(Day(date)) = dates.iter().find(|day| !self.covers(day.0)) {
                return Err(self.error(entry, format!("{date} is outside of `years`, which the file covers")));
            }
        }
        let has_hours = |entry: &DayEntry| {
            let DayEntry { open, close, pause, pre, post, .. } = entry;
            open.is_some() || close.is_some() || pause.is_some() || pre.is_some() || post.is_some()
        };
        if let Some(entry) = holiday.iter().find(|entry| has_hours(entry.as_ref())) {
            return Err(self.error(entry, "a [[holiday]] is closed all day: hours belong to a [[special]]"));
        }
        if let Some(entry) = special.iter().find(|entry| !has_hours(entry.as_ref())) {
            return Err(self.error(entry, "a [[special]] needs other hours: open, close, break, pre or post"));
        }
        Ok(())
    }
}
