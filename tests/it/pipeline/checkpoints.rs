//! `tickline checkpoint list` and `drop`, and what a start does after a drop.

use serde_json::Value;

use crate::shared::process::Home;

use super::faults::home_with_checkpoint;

fn list(home: &Home) -> Vec<Value> {
    serde_json::from_str(&home.ok("checkpoint list --store sqlite:rows.db --format json")).unwrap()
}

#[test]
fn dropped_checkpoint_is_not_resumed_from() {
    let home = home_with_checkpoint();
    let found = list(&home);
    let committed = found.iter().find(|found| found["is_committed"] == true).expect("a committed checkpoint");
    let frontier = committed["frontier"].as_str().unwrap();
    home.fails(
        "checkpoint drop 2020-01-01T00:00:00Z --store sqlite:rows.db",
        2,
        &["no committed checkpoint at", frontier],
    );
    assert_eq!(list(&home), found, "a wrong time changes nothing");
    let dropped = home.ok(&format!("checkpoint drop {frontier} --store sqlite:rows.db"));
    assert!(dropped.contains(frontier), "{dropped}");
    assert!(list(&home).iter().all(|found| found["is_committed"] == false));
    let text = home.ok("checkpoint list --store sqlite:rows.db");
    assert!(!text.contains(" committed"), "{text}");
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    home.ok("verify --log dir:log --store sqlite:rows.db");
}
