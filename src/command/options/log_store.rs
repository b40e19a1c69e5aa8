//! The options that `work`, `verify` and `replay` share: the log, the store, the number of worker threads.

use crate::log::address::LogAddress;
use crate::store::address::StoreAddress;

/// The log that rows are computed from, and the worker threads that do it.
#[derive(clap::Args, Clone, Debug)]
pub struct LogArgs {
    /// The log: dir:PATH or kafka://HOST:PORT/TOPIC
    #[arg(long, env = "TICKLINE_LOG", value_name = "LOG")]
    pub log: LogAddress,
    /// Worker threads of each process; results do not depend on their number
    #[arg(long, env = "TICKLINE_WORKERS", default_value_t = WORKERS, value_parser = workers())]
    pub workers: u16,
}

/// The store of the rows.
#[derive(clap::Args, Clone, Debug)]
pub struct StoreArgs {
    /// The store: sqlite:PATH or cassandra://HOST:PORT/KEYSPACE (for `work` also: none)
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: StoreAddress,
}

/// Default number of worker threads.
pub const WORKERS: u16 = 2;

/// Parser of a number of worker threads.
pub fn workers() -> impl clap::builder::TypedValueParser<Value = u16> {
    clap::value_parser!(u16).range(1..=256)
}
