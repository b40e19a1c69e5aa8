//! Creating the tables with `tickline setup` and with `cqlsh`; and a node with TLS and a password.

use std::path::Path;
use std::process::Command;

use tickline::store::address::StoreAddress;
use tickline::store::cassandra::CassandraStore;
use tickline::store::{Store, StoreError};

use crate::shared::certificates::Identity;
use crate::shared::clients;
use crate::shared::node::{self, Node};
use crate::store::plain;

fn tickline(line: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickline"));
    let output =
        command.args(line.split(' ')).env_remove("TICKLINE_LOG").env_remove("TICKLINE_STORE").output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code(), said)
}

#[test]
fn setup_creates_tables_and_keeps_existing() {
    let store = node::shared().store_address(&node::keyspace());
    for _ in 0..2 {
        let (code, said) = tickline(&format!("setup --store {store} --replication 1"));
        assert!(code == Some(0) && said.contains(&format!("{store}: schema is up to date")), "{said}");
        let mut writer = store.parse::<StoreAddress>().unwrap().open_writer().unwrap();
        writer.open_epoch().unwrap();
    }
    let (code, said) = tickline("setup");
    assert!(code == Some(2) && said.contains("--store"), "{said}");
}

#[test]
fn cqlsh_creates_the_same_tables() {
    let (host, port) = node::shared().address.split_once(':').unwrap();
    let cqlsh = |arguments: &[&str]| {
        let mut command = Command::new(clients::python().with_file_name("cqlsh"));
        let output = command.args([host, port]).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("cql/cassandra-setup.cql");
    // One node can have one replica; for other replication than the file's the keyspace is created first.
    cqlsh(&[
        "-e",
        "CREATE KEYSPACE tickline WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}",
    ]);
    let address = plain::address(&node::shared().store_address("tickline"));
    for epoch in 1..3 {
        cqlsh(&["-f", file.to_str().unwrap()]);
        assert_eq!(CassandraStore::open(&address).unwrap().open_epoch().unwrap().0, epoch, "nothing is lost");
    }
}

#[test]
fn config_file_reaches_a_secured_node() {
    let node = Node::start_secured(Path::new("-"));
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(home.path().join(name), text).unwrap();
        home.path().join(name)
    };
    let ca = node.server.dir.join("ca.pem");
    let address = |text: &str| {
        let file = write("cassandra.toml", text);
        plain::address(&format!("{}?config={}", node.store_address("safe"), file.display()))
    };
    write("right", "cassandra\n");
    write("wrong", "canary");
    let tls = format!("user = 'cassandra'\nca_file = '{}'\nlocal_dc = 'datacenter1'\n", ca.display());
    let right = address(&format!("{tls}password_file = 'right'\n"));
    tickline::store::cassandra::set_up(&right, 1).unwrap();
    let mut store = CassandraStore::open(&right).unwrap();
    assert_eq!(store.open_epoch().unwrap(), (1, None));
    store.write(&crate::store::suite::batch()).unwrap();
    // Permanent errors end at once, and do not show the password.
    write("untrusted.pem", &String::from_utf8(Identity::self_signed("127.0.0.1").pem()).unwrap());
    let cases = [
        (format!("{tls}password_file = 'wrong'\n"), "assword"),
        ("user = 'cassandra'\npassword_file = 'right'\nca_file = 'untrusted.pem'\n".to_owned(), "ertificate"),
        (tls.replace("datacenter1", "moon") + "password_file = 'right'\n", "moon"),
    ];
    for (text, words) in cases {
        let error: StoreError = CassandraStore::open(&address(&text)).unwrap_err();
        let shown = error.to_string();
        assert!(shown.contains(words) && !shown.contains("canary"), "{words:?} is not in {shown}");
    }
}
