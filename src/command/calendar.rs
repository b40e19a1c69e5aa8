//! `tickline calendar check|days|list`: when markets trade, by the calendars that come with the program or by a file.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use dataflows::calendar::Session;
use jiff::civil::Date;

use super::UsageError;
use super::output::suggest::suggest;
use crate::calendar::error::CalendarError;
use crate::calendar::{Calendar, shipped};
use crate::time::rfc3339;

pub mod check;
pub mod days;
pub mod list;

/// Arguments of `tickline calendar`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Debug, Subcommand)]
enum Verb {
    /// Show whether a market trades on a date, and its sessions
    Check(check::CheckArgs),
    /// List the trading days of a market with their sessions, in UTC
    Days(days::DaysArgs),
    /// List the calendars with their time zones, years and versions
    List(list::ListArgs),
}

/// Which calendar.
#[derive(Clone, Debug, ClapArgs)]
pub struct Which {
    /// Market identifier code (ISO 10383), such as XNYS; forex, crypto
    #[arg(value_name = "MIC")]
    pub mic: String,
    /// File of the calendar, in place of one that comes with the program
    #[arg(long, value_name = "FILE")]
    pub calendar: Option<PathBuf>,
}

/// Runs `tickline calendar`.
pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.verb {
        Verb::Check(args) => check::run(args),
        Verb::Days(args) => days::run(args),
        Verb::List(args) => list::run(args),
    }
}

impl Which {
    /// The calendar of the market.
    pub fn open(&self) -> anyhow::Result<Calendar> {
        let Self { mic, calendar: file } = self;
        let Some(file) = file else {
            return shipped::of_mic(mic)?.map_or_else(|| Err(unknown(mic)?.into()), Ok);
        };
        let calendar = Calendar::read(file)?;
        if !calendar.has(mic) {
            let known = calendar.mics.join(", ");
            let text = format!("{} is the calendar of {known}, and not of {mic}: add it to `mics`", file.display());
            return Err(UsageError(text).into());
        }
        Ok(calendar)
    }
}

/// The error for a market without a calendar.
fn unknown(mic: &str) -> Result<UsageError, CalendarError> {
    let known = shipped::mics()?;
    let similar = suggest(mic, &known);
    let hint = if similar.is_empty() {
        format!("known are {}; give another with --calendar FILE", known.join(", "))
    } else {
        format!("did you mean {}?", similar.join(", "))
    };
    Ok(UsageError(format!("no calendar of {mic}: {hint}")))
}

/// Parser of a date.
fn date(text: &str) -> Result<Date, String> {
    let is_plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let found = if is_plain { text.parse().ok() } else { None };
    found.ok_or_else(|| format!("invalid date {text:?}: expected e.g. 2013-10-07"))
}

/// Start and end of a session in UTC.
fn utc(session: &Session) -> [String; 2] {
    [session.start_ms, session.end_ms].map(rfc3339)
}
