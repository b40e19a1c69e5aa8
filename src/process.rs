//! The process and its operating system: signals, supervisor, files, messages, terminal.

pub mod durable_file;
pub mod lock_file;
pub mod os_error;
pub mod signals;
pub mod supervisor;
pub mod terminal;
