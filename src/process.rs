//! The process and its operating system: signals, supervisor, lock files, error texts, terminal.

pub mod lock_file;
pub mod os_error;
pub mod signals;
pub mod supervisor;
pub mod terminal;
