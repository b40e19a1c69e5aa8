//! From dates and local hours to trading days in Unix milliseconds.

use std::collections::BTreeMap;

use dataflows::calendar::{Part, Schedule, Session, TradingDay};
use jiff::civil::Date;
use toml::Spanned;

use super::closures::{given, moved};
use super::error::CalendarError;
use super::file::{Change, Day, DayEntry, File, HoursEntry};
use super::hours::{Hours, Window};
use super::zone::instant;
use super::{Special, date_of, day_number};

/// The special days of a file by date, and all its trading days.
pub fn make(
    file: &File,
    holidays: &BTreeMap<Date, String>,
) -> Result<(BTreeMap<Date, Special>, Schedule), CalendarError> {
    let is_closed = |date: Date| file.is_closed_day(date) || holidays.contains_key(&date);
    let entries = special_entries(file, is_closed)?;
    let mut specials = BTreeMap::new();
    let mut days = Vec::new();
    let all = file.first.series(jiff::Span::new().days(1)).take_while(|date| *date <= file.last);
    for date in all.filter(|date| !is_closed(*date)) {
        let usual = hours_on(file, date).as_ref().hours();
        let hours = match entries.get(&date) {
            None => usual,
            Some(entry) => {
                let hours = special_hours(file, entry, date, usual)?;
                specials.insert(date, special(entry.as_ref(), hours, usual));
                hours
            }
        };
        days.push(TradingDay { day: day_number(date), sessions: sessions(file, date, hours)? });
    }
    let next_year = file.last.tomorrow().map_err(|error| out_of_range(file, file.last, &error))?;
    let covered_ms = start_ms(file, file.first)?..start_ms(file, next_year)?;
    let schedule = Schedule::new(days, covered_ms).map_err(|overlap| {
        let date = date_of(overlap.0);
        let what = format!("the sessions of {date} are empty, or overlap with others or with the end of `years`");
        file.error(hours_on(file, date), what)
    })?;
    Ok((specials, schedule))
}

/// The entry of each special day. By rule, days on which the market is closed are left out; by date, that is an error.
fn special_entries<'a>(
    file: &'a File,
    is_closed: impl Fn(Date) -> bool + Copy,
) -> Result<BTreeMap<Date, &'a Spanned<DayEntry>>, CalendarError> {
    let mut entries: BTreeMap<Date, &Spanned<DayEntry>> = BTreeMap::new();
    for entry in &file.content.special {
        let by_rule = given(file, entry).filter_map(|given| moved(given, is_closed));
        let by_rule = by_rule.filter(|date| file.covers(*date) && !is_closed(*date));
        let by_date = entry.as_ref().dates.iter().map(|Day(date)| *date);
        for date in by_date.chain(by_rule) {
            if is_closed(date) {
                return Err(file.error(entry, format!("{date} is not a trading day: remove it here, or as a holiday")));
            }
            if entries.insert(date, entry).is_some() {
                return Err(file.error(entry, format!("{date} is given twice, here or in a [[special]] before it")));
            }
        }
    }
    Ok(entries)
}

/// The hours in force on a date.
fn hours_on<'a>(file: &'a File, date: Date) -> &'a Spanned<HoursEntry> {
    let entries = file.content.hours.as_ref();
    let begun = entries.partition_point(|entry| entry.as_ref().from.0 <= date);
    // The first is in force on all dates before the second: the file was checked.
    &entries[begun.saturating_sub(1)]
}

fn special_hours(file: &File, entry: &Spanned<DayEntry>, date: Date, usual: Hours) -> Result<Hours, CalendarError> {
    let error = |what: &str| file.error(entry, format!("on {date}, {what}"));
    let DayEntry { open, close, pause, pre, post, .. } = entry.as_ref();
    let regular = Window {
        open: open.map_or(usual.regular.open, |clock| clock.0),
        close: close.map_or(usual.regular.close, |clock| clock.0),
    };
    if regular.open >= regular.close {
        return Err(error("the regular session closes before it opens"));
    }
    if close.is_some() && post.is_none() && usual.post.is_some() {
        return Err(error("`close` needs `post`, too: its hours on this day, or \"none\""));
    }
    if open.is_some() && pre.is_none() && usual.pre.is_some() {
        return Err(error("`open` needs `pre`, too: its hours on this day, or \"none\""));
    }
    let changed = |change: &Option<Change>, usual: Option<Window>| change.map_or(usual, |change| change.0);
    // A day that ends where the break begins, or begins where it ends, has no break.
    let is_outside = |pause: &Window| pause.open >= regular.close || pause.close <= regular.open;
    let pause = changed(pause, usual.pause.filter(|pause| !is_outside(pause)));
    let hours = Hours { regular, pause, pre: changed(pre, usual.pre), post: changed(post, usual.post) };
    match hours.wrong() {
        Some(wrong) => Err(error(wrong)),
        None => Ok(hours),
    }
}

fn special(entry: &DayEntry, hours: Hours, usual: Hours) -> Special {
    Special {
        name: entry.name.clone(),
        is_late_open: hours.regular.open > usual.regular.open,
        is_early_close: hours.regular.close < usual.regular.close,
    }
}

fn sessions(file: &File, date: Date, hours: Hours) -> Result<Vec<Session>, CalendarError> {
    let Hours { regular, pause, pre, post } = hours;
    let of = |part, window: Window| (part, window.open, window.close);
    let regular = match pause {
        None => vec![of(Part::Regular, regular)],
        Some(pause) => vec![
            (Part::Regular, regular.open, pause.open),
            of(Part::Break, pause),
            (Part::Regular, pause.close, regular.close),
        ],
    };
    let pre = pre.map(|window| of(Part::Pre, window));
    let parts = pre.into_iter().chain(regular).chain(post.map(|window| of(Part::Post, window)));
    let session = |(part, open, close)| {
        Ok(Session { part, start_ms: local_ms(file, date, open)?, end_ms: local_ms(file, date, close)? })
    };
    parts.map(session).collect()
}

/// The first time that belongs to a date: its midnight, or the opening on the evening before.
fn start_ms(file: &File, date: Date) -> Result<u64, CalendarError> {
    local_ms(file, date, hours_on(file, date).as_ref().hours().first().min(0))
}

fn local_ms(file: &File, date: Date, minute: i32) -> Result<u64, CalendarError> {
    let ms = instant(&file.zone, date, minute).map_err(|error| out_of_range(file, date, &error))?;
    Ok(ms.unsigned_abs())
}

/// Does not happen in the years that a file may cover.
fn out_of_range(file: &File, date: Date, error: &jiff::Error) -> CalendarError {
    file.error(hours_on(file, date), format!("{date} is out of range: {error}"))
}
