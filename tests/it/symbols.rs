//! The symbol directory against the simulator: syncing, what happens to symbols between two days, finding them again.

mod binary;
mod merge;
mod sync;
mod work;
mod world;
