//! Whether every node holds every row.

use scylla::client::session::Session;
use scylla::cluster::metadata::Strategy;

/// Whether every node holds every row of the keyspace, as in a cluster of three nodes with three replicas. Then a batch
/// over many partitions reaches a replica of each. `false` when unknown.
pub fn hold_everything(session: &Session, keyspace: &str) -> bool {
    let state = session.get_cluster_state();
    let nodes = state.get_nodes_info();
    match state.get_keyspace(keyspace).map(|keyspace| &keyspace.strategy) {
        Some(Strategy::SimpleStrategy { replication_factor }) => nodes.len() <= *replication_factor,
        Some(Strategy::NetworkTopologyStrategy { datacenter_repfactors }) => nodes.iter().all(|node| {
            let centre = node.datacenter.as_deref().unwrap_or_default();
            let present = nodes.iter().filter(|other| other.datacenter == node.datacenter).count();
            datacenter_repfactors.get(centre).is_some_and(|copies| present <= *copies)
        }),
        _ => false,
    }
}
