//! What Tickline does with a real Cassandra node and a real broker, when all is well and when little is. One binary, so
//! that one node and one broker serve all of it.

mod again;
mod cluster;
mod dump;
mod kills;
mod node_faults;
mod proxying;
mod raw;
mod reader;
mod scene;
mod stage;
mod statements;
mod store_faults;
mod symbols;
mod zombie;
