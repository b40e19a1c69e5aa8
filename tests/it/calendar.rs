//! Trading calendars: known days, changes of daylight saving, and the command.

mod command;
mod daylight_saving;
mod file;
mod known_days;
mod years;
