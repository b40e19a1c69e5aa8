//! Where the rows of a keyspace are kept.

use std::collections::BTreeSet;

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

/// The data centres that keep rows of the keyspace; empty when unknown.
pub fn data_centres(session: &Session, keyspace: &str) -> BTreeSet<String> {
    let state = session.get_cluster_state();
    let nodes = state.get_nodes_info().iter().filter_map(|node| node.datacenter.clone());
    state.get_keyspace(keyspace).map_or_else(BTreeSet::new, |keyspace| centres_of(&keyspace.strategy, nodes.collect()))
}

/// The data centres in which a strategy keeps rows, of a cluster whose nodes are in these.
fn centres_of(strategy: &Strategy, nodes: BTreeSet<String>) -> BTreeSet<String> {
    match strategy {
        Strategy::NetworkTopologyStrategy { datacenter_repfactors } => nodes
            .into_iter()
            .filter(|centre| datacenter_repfactors.get(centre).is_some_and(|copies| *copies > 0))
            .collect(),
        Strategy::LocalStrategy => BTreeSet::new(),
        // It does not look at data centres: replicas may be in any of them.
        _ => nodes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_centres_are_those_with_replicas() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let strategy = |copies: &[(&str, usize)]| Strategy::NetworkTopologyStrategy {
            datacenter_repfactors: copies.iter().map(|(name, copies)| ((*name).to_owned(), *copies)).collect(),
        };
        let of = |copies: &[(&str, usize)]| centres_of(&strategy(copies), names(&["a", "b", "c"]));
        assert_eq!(of(&[("a", 3)]), names(&["a"]));
        assert_eq!(of(&[("a", 3), ("b", 0), ("c", 2)]), names(&["a", "c"]));
        let simple = Strategy::SimpleStrategy { replication_factor: 3 };
        assert_eq!(centres_of(&simple, names(&["a", "b"])), names(&["a", "b"]));
    }
}
