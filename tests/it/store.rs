//! The store: one suite over the traits for every implementation, and tests of each implementation.

mod cassandra;
mod displays;
mod plain;
mod setup;
mod sqlite;
mod suite;

use tickline::store::address::StoreAddress;

#[test]
fn sqlite_passes_the_suite() {
    let make = || {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("store.db");
        let address: StoreAddress = format!("sqlite:{}", path.display()).parse().unwrap();
        let lock = home.path().join("store.db.lock");
        suite::Subject {
            writer: Box::new({
                let address = address.clone();
                // Without the lock file only the epoch fences.
                move || {
                    let _ = std::fs::remove_file(&lock);
                    address.open_writer().unwrap()
                }
            }),
            reader: Box::new(move || address.open_reader().unwrap()),
            _home: Box::new(home),
        }
    };
    suite::all(&make);
    displays::all(&make);
}

#[test]
fn none_accepts_everything() {
    let mut store = "none".parse::<StoreAddress>().unwrap().open_writer().unwrap();
    assert_eq!(store.open_epoch().unwrap(), (1, None));
    store.write(&suite::batch()).unwrap();
    store.commit_frontier(&suite::durable(5, 1, 1), &[]).unwrap();
    store.put_segments(1, 5, &[(0, b"x")]).unwrap();
    store.commit_checkpoint(1, &suite::checkpoint(5), &[]).unwrap();
    assert_eq!(store.stored_segments().unwrap(), []);
    assert_eq!(store.open_epoch().unwrap(), (1, None));
}
