//! The number of worker threads, an option of every command that runs the dataflow.

/// Default number of worker threads.
pub const WORKERS: u16 = 2;

/// Parser of a number of worker threads.
pub fn workers() -> impl clap::builder::TypedValueParser<Value = u16> {
    clap::value_parser!(u16).range(1..=256)
}
