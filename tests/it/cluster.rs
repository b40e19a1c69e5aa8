//! One pipeline on many processes: every test starts real ones, over a directory log. Mostly there is no store, so
//! that only the cluster itself is tested.

mod digests;
mod loss;
mod processes;
mod rejected_connections;
mod restart;
mod slow_store;
mod tls;
mod under_fire;
