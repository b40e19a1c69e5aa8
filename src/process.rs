//! What a process owes its operating system: signals, the supervisor, lock files, its errors in words, the terminal.

pub mod lock_file;
pub mod os_error;
pub mod signals;
pub mod supervisor;
pub mod terminal;
