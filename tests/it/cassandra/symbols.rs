//! The symbol table in a keyspace: sync, second sync, search.

use crate::shared::node;
use crate::shared::process::Home;

#[test]
fn symbols_sync_into_a_keyspace() {
    let home = Home::new();
    home.write("key", "any\n");
    let store = node::shared().store_address(&node::keyspace());
    home.ok(&format!("setup --store {store} --replication 1"));
    let mut simulator = home.start("simulate --listen 127.0.0.1:0 --calls-per-minute-max 6000");
    let sync = format!(
        "symbols sync --store {store} --token-file key --cache cache --exchange US,BINANCE --calls-per-minute-max 6000 \
         --url http://{}/api/v1",
        simulator.address_after("http://")
    );
    let ended = home.run(&sync);
    ended.is(0, &["2 exchanges"]);
    home.run(&sync).is(0, &[]);
    let found = home.ok(&format!("symbols search apple --store {store} --format plain"));
    assert_eq!(found.lines().next(), Some("AAPL"), "{found}");
}
