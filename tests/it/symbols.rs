//! The symbol table with the simulator: syncing, changes between two days, and search.

mod binary;
mod merge;
mod sync;
mod work;
mod world;
