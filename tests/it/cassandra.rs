//! Tickline with a real Cassandra node and a real broker, with and without faults. All tests share one node and one
//! broker.

mod again;
mod cluster;
mod dump;
mod kills;
mod live_replay;
mod node_faults;
mod proxying;
pub mod raw;
pub mod reader;
pub mod scene;
mod stage;
mod statements;
mod store_faults;
mod symbols;
mod verify_rows;
mod zombie;
