//! The process and its operating system: signals, supervisor, files, messages, terminal.

pub mod core_dumps;
pub mod durable_file;
pub mod lock_file;
pub mod messages;
pub mod os_error;
pub mod proc_text;
pub mod signals;
pub mod supervisor;
pub mod terminal;
