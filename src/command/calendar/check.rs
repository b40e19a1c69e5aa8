//! `tickline calendar check`: one date of a market.

use clap::Args as ClapArgs;
use dataflows::calendar::{DayNumber, Session, TradingDay};
use jiff::civil::Date;
use jiff::{Timestamp, Zoned};
use serde_json::{Value, json};

use super::{Which, date, utc};
use crate::calendar::{Calendar, Special, date_of, weekday_name};
use crate::command::output::format::{Format, print};
use crate::command::output::table;
use crate::escape::{escaped, escaped_json};

/// Arguments of `tickline calendar check`.
#[derive(Clone, Debug, ClapArgs)]
pub struct CheckArgs {
    #[command(flatten)]
    which: Which,
    /// The market's own date, such as 2013-11-29
    #[arg(value_name = "DATE", value_parser = date)]
    date: Date,
    /// Output format
    #[arg(long, value_parser = Format::among(&Format::OF_REPORTS), default_value = "table")]
    format: Format,
}

/// Runs the command.
pub fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let calendar = args.which.open()?;
    let day = calendar.number(args.date)?;
    let mic = calendar.mics.iter().find(|mic| mic.eq_ignore_ascii_case(&args.which.mic));
    let answer = Answer {
        calendar: &calendar,
        mic: mic.unwrap_or(&args.which.mic),
        date: args.date,
        trading_day: calendar.days(args.date, args.date)?.first(),
        special: calendar.special(args.date),
        before: calendar.schedule().before(day).map(|found| found.day),
        after: calendar.schedule().after(day).map(|found| found.day),
    };
    if args.format == Format::Json {
        return print(&format!("{}\n", escaped_json(&answer.json().to_string())));
    }
    print(&answer.text())
}

/// What a calendar says of a date.
struct Answer<'a> {
    calendar: &'a Calendar,
    mic: &'a str,
    date: Date,
    trading_day: Option<&'a TradingDay>,
    special: Option<&'a Special>,
    before: Option<DayNumber>,
    after: Option<DayNumber>,
}

impl Answer<'_> {
    fn text(&self) -> String {
        let Self { calendar, mic, date, .. } = self;
        let day = |found: Option<DayNumber>| {
            found.map_or_else(|| "not covered by the calendar".to_owned(), |day| with_weekday(date_of(day)))
        };
        let years = format!("{} to {}", calendar.first.year(), calendar.last.year());
        let lines = [
            ("date", with_weekday(*date)),
            ("market", format!("{mic}, {} ({})", calendar.name, calendar.zone_name)),
            ("trading day", self.verdict()),
            ("day before", day(self.before)),
            ("day after", day(self.after)),
            ("calendar", format!("{}, years {years}, version {}", calendar.file, calendar.version())),
        ];
        let lines = lines.into_iter().map(|(name, value)| format!("{name:<13}{}\n", escaped(&value)));
        let head: String = lines.collect();
        let Some(day) = self.trading_day else { return head };
        let header = ["session", "opens (local)", "closes (local)", "opens (UTC)", "closes (UTC)"];
        let rows = day.sessions.iter().map(|session| {
            let local = self.local(session).map(|time| time.strftime("%Y-%m-%d %H:%M").to_string());
            let cells = local.into_iter().chain(utc(session));
            std::iter::once(session.part.name().to_owned()).chain(cells).collect()
        });
        format!("{head}\n{}", table::table(&header, &rows.collect::<Vec<_>>()))
    }

    /// Whether it trades, and why not, or what is special about it.
    fn verdict(&self) -> String {
        if self.trading_day.is_none() {
            return format!("no: {}", self.calendar.closed_for(self.date).unwrap_or("closed"));
        }
        let Some(special) = self.special else { return "yes".to_owned() };
        let what = match (special.is_late_open, special.is_early_close) {
            (true, true) => "late open and early close",
            (true, false) => "late open",
            (false, true) => "early close",
            (false, false) => "other hours than usual",
        };
        format!("yes, {what}: {}", special.name)
    }

    fn json(&self) -> Value {
        let Self { calendar, mic, date, trading_day, special, before, after } = self;
        let day = |found: Option<DayNumber>| found.map(|day| date_of(day).to_string());
        let session = |session: &Session| {
            let [open, close] = utc(session);
            let [open_local, close_local] =
                self.local(session).map(|time| time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
            json!({
                "part": session.part.name(),
                "open_local": open_local, "close_local": close_local,
                "open": open, "close": close,
                "open_ms": session.start_ms, "close_ms": session.end_ms,
            })
        };
        json!({
            "mic": mic,
            "name": calendar.name,
            "date": date.to_string(),
            "weekday": weekday_name(date.weekday()),
            "is_trading_day": trading_day.is_some(),
            "closed_for": calendar.closed_for(*date),
            "holiday": calendar.holiday(*date),
            "special": special.map(|special| &special.name),
            "is_late_open": special.is_some_and(|special| special.is_late_open),
            "is_early_close": special.is_some_and(|special| special.is_early_close),
            "sessions": trading_day.map_or_else(Vec::new, |day| day.sessions.iter().map(session).collect()),
            "trading_day_before": day(*before),
            "trading_day_after": day(*after),
            "zone": calendar.zone_name,
            "calendar": calendar.file,
            "first": calendar.first.to_string(),
            "last": calendar.last.to_string(),
            "version": calendar.version(),
        })
    }

    /// Start and end of a session by the market's clock.
    fn local(&self, session: &Session) -> [Zoned; 2] {
        let zone = &self.calendar.zone;
        [session.start_ms, session.end_ms].map(|ms| {
            let timestamp = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
            timestamp.unwrap_or(Timestamp::MAX).to_zoned(zone.clone())
        })
    }
}

fn with_weekday(date: Date) -> String {
    format!("{date}, {}", weekday_name(date.weekday()))
}
