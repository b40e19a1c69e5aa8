//! What only the Cassandra store promises, on a real node with a keyspace a test.

use tickline::store::address::StoreAddress;
use tickline::store::cassandra::address::CassandraAddress;
use tickline::store::cassandra::set_up;

use crate::{node, suite};

/// A keyspace of its own, with its tables.
pub fn made() -> CassandraAddress {
    let address = missing();
    set_up(&address, 1).unwrap();
    address
}

/// A keyspace that nobody has made.
fn missing() -> CassandraAddress {
    let text = node::shared().store_address(&node::keyspace());
    let StoreAddress::Cassandra(address) = text.parse().unwrap() else { panic!("{text}") };
    address
}

#[test]
fn cassandra_keeps_the_contract() {
    suite::all(&|| {
        let address = StoreAddress::Cassandra(made());
        suite::Subject {
            writer: Box::new({
                let address = address.clone();
                move || address.open_writer().unwrap()
            }),
            reader: Box::new(move || address.open_reader().unwrap()),
            _home: Box::new(()),
        }
    });
}
