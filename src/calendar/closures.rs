//! The dates of holidays and of special days: what rules give, moved off weekends.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use toml::Spanned;

use super::error::CalendarError;
use super::file::{Day, DayEntry, File, Weekend};

/// Most days that an observance moves.
const MOVED_DAYS_MAX: usize = 14;

/// A date that a rule has given, and whether it is on a day from which its observance moves.
#[derive(Clone, Copy)]
pub struct Given {
    /// The date.
    pub date: Date,
    /// How it moves.
    pub moves: Option<Weekend>,
}

/// The holidays, by date. Each has the name of the first entry that gives it.
pub fn holidays(file: &File) -> Result<BTreeMap<Date, String>, CalendarError> {
    let mut holidays = BTreeMap::new();
    for entry in &file.content.holiday {
        for &Day(date) in &entry.as_ref().dates {
            if file.is_closed_day(date) {
                return Err(file.error(entry, format!("{date} is closed anyway, by `closed_days`: remove it")));
            }
            if holidays.insert(date, entry.as_ref().name.clone()).is_some() {
                return Err(file.error(entry, format!("{date} is given twice, here or in a [[holiday]] before it")));
            }
        }
    }
    let given: Vec<_> =
        file.content.holiday.iter().flat_map(|entry| given(file, entry).map(move |g| (entry, g))).collect();
    for (entry, Given { date, .. }) in given.iter().filter(|(_, given)| given.moves.is_none()) {
        if !file.is_closed_day(*date) {
            holidays.entry(*date).or_insert_with(|| entry.as_ref().name.clone());
        }
    }
    // What moves goes around all that does not.
    for (entry, given) in given {
        let is_closed = |date: Date| file.is_closed_day(date) || holidays.contains_key(&date);
        if given.moves.is_some()
            && let Some(date) = moved(given, is_closed)
        {
            holidays.entry(date).or_insert_with(|| entry.as_ref().name.clone());
        }
    }
    holidays.retain(|date, _| file.covers(*date));
    Ok(holidays)
}

/// The dates that an entry's rule gives, around the covered years as well: one of the next year may move into the last.
pub fn given<'a>(file: &'a File, entry: &'a Spanned<DayEntry>) -> impl Iterator<Item = Given> + use<'a> {
    let entry = entry.as_ref();
    let applies = move |year: &i16| {
        entry.years.is_none_or(|[first, last]| (first..=last).contains(year)) && !entry.except.contains(year)
    };
    let years = (file.first.year() - 1..=file.last.year() + 1).filter(applies);
    years.filter_map(|year| entry.on?.date(year)).map(|date| {
        let moves = entry.weekend.filter(|weekend| match weekend {
            Weekend::Nearest => matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday),
            Weekend::SundayNext => date.weekday() == Weekday::Sunday,
            Weekend::Next | Weekend::Previous => file.is_closed_day(date),
        });
        Given { date, moves }
    })
}

/// Where the observance of a date is: none, where no open day is near.
pub fn moved(given: Given, is_closed: impl Fn(Date) -> bool) -> Option<Date> {
    let Given { date, moves } = given;
    let open = |step: fn(Date) -> Result<Date, jiff::Error>| {
        let days = std::iter::successors(step(date).ok(), |date| step(*date).ok());
        days.take(MOVED_DAYS_MAX).find(|date| !is_closed(*date))
    };
    match moves {
        None => Some(date),
        Some(Weekend::Nearest) if date.weekday() == Weekday::Saturday => date.yesterday().ok(),
        Some(Weekend::Nearest) => date.tomorrow().ok(),
        Some(Weekend::Next | Weekend::SundayNext) => open(Date::tomorrow),
        Some(Weekend::Previous) => open(Date::yesterday),
    }
}
