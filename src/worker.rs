//! The worker host: log -> dataflow -> store, on the threads of this process and of its peers.
//!
//! Each worker thread owns the partitions p with p % workers == its index, reads them in step, and never waits for
//! the store: rows go to the store thread over a channel, and the sink holds its capability until they are
//! acknowledged. The frontier after the committer is the durable frontier; reading ahead of it is bounded.
//!
//! ```text
//!  host               starts everything (start: epoch, checkpoint, resume points) and waits for the end
//!  threads            the worker threads, and timely's between processes
//!  worker_loop        read, send, step: one worker thread
//!  partition_readers  log -> dataflow, as far as read_ahead allows
//!  symbol_table  symbol log -> symbol table
//!  proof              what a start has to find again before it writes
//!  sink, commit       dataflow -> commands     store_thread  commands -> store
//!  checkpoint         when one is due, collecting its parts, loading it
//!  clock, by_hand     a clock and turns that a simulation decides
//!  control            messages between workers, and the cluster view they add up to
//!  life, heartbeats   which sources write and move, for displays; written to the store every few seconds
//!  status             live status: health (health check), metrics (store metrics)
//! ```

mod by_hand;
pub(crate) mod checkpoint;
mod clock;
mod commit;
mod config;
mod control;
mod error;
pub mod health;
mod heartbeats;
mod host;
pub mod identity;
mod life;
mod metrics;
pub(crate) mod partition_readers;
mod proof;
mod read_ahead;
mod resume;
mod sink;
mod start;
mod status;
mod store_command;
mod store_thread;
mod symbol_table;
mod threads;
mod worker_loop;

pub use by_hand::{Member, RunByHand};
pub use clock::Clock;
pub use config::{ANCHOR_EVERY_MS, CHECKPOINT_EVERY_MS, READ_AHEAD_MS, READ_AHEAD_RECORDS, WorkerConfig};
pub use error::{NEW_STORE, WorkerError};
pub use host::run;
pub use status::{PartitionRead, Watch};
pub use store_thread::Executed;
pub use worker_loop::Turn;
