//! The positions of all partitions in a store, for commands.

use anyhow::Context;
use dataflows::progress::positions::Positions;

use crate::store::DurableFrontier;
use crate::store::address::StoreAddress;

/// Positions published with the frontier of `store`; none before the first one.
pub fn positions(durable: &DurableFrontier, store: &StoreAddress) -> anyhow::Result<Vec<Positions>> {
    Positions::decode_all(&durable.resume).with_context(|| format!("cannot parse the resume points in {store}"))
}
