//! One pipeline on many processes: every test starts real ones, over a directory log. Nothing is kept in a store, so
//! that what is seen is the cluster's own doing.

mod cluster;
mod digests;
mod loss;
mod restart;
mod strangers;
mod tls;
