//! Errors of calendars: each is a wrong file, or a question that the file has no answer to.

use jiff::civil::Date;

use crate::exit_code::ExitCode;

/// An error of a calendar.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    /// The file cannot be read.
    #[error("cannot read the calendar {file}: {why}")]
    Read {
        /// The file.
        file: String,
        /// Cause.
        why: String,
    },
    /// The file is not TOML, or a value has another shape.
    #[error("cannot use the calendar {file}: {what}")]
    Shape {
        /// The file.
        file: String,
        /// Place and cause.
        what: String,
    },
    /// The parts of the file do not fit together.
    #[error("cannot use the calendar {file}: line {line}: {what}")]
    Invalid {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Cause.
        what: String,
    },
    /// The file does not say anything of this date.
    #[error(
        "{date} is outside of {first} to {last}, the years that the calendar {file} covers: give a file that covers it \
         with --calendar (docs/calendars.md)"
    )]
    NotCovered {
        /// The file.
        file: String,
        /// The date.
        date: Date,
        /// First year.
        first: i16,
        /// Last year.
        last: i16,
    },
}

impl ExitCode for CalendarError {
    fn exit_code(&self) -> u8 {
        2
    }
}
