//! `tickline checkpoint list` and `drop`, and what a start does after a drop.

use dataflows::settings::PIPELINE_REVISION;
use serde_json::Value;

use crate::shared::process::Home;
use crate::shared::tables;

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
    home.fails("checkpoint drop 2020-01-01T00:00:00Z --store sqlite:rows.db", 2, &["no checkpoint at", frontier]);
    assert_eq!(list(&home), found, "a wrong time changes nothing");
    let dropped = home.ok(&format!("checkpoint drop {frontier} --store sqlite:rows.db"));
    assert!(dropped.contains(frontier), "{dropped}");
    assert!(list(&home).iter().all(|found| found["is_committed"] == false));
    let text = home.ok("checkpoint list --store sqlite:rows.db");
    assert!(!text.contains(" committed"), "{text}");
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    home.ok("verify --log dir:log --store sqlite:rows.db");
}

#[test]
fn rows_of_another_revision_are_left_alone() {
    let home = home_with_checkpoint();
    let store = home.path("rows.db");
    let found = list(&home);
    let frontier = found.iter().find(|found| found["is_committed"] == true).unwrap()["frontier"].as_str().unwrap();
    // As an older program leaves its store, whose rows have other values and were changed last at other times.
    tables::change(&store, "UPDATE identity SET value = '1' WHERE name = 'revision'");
    tables::change(&store, "UPDATE frontier SET revision = 1");
    tables::change(&store, "UPDATE frontier_history SET revision = 1");
    let old = "UPDATE candles_5s SET close = 1.0, as_of = as_of + 4000, write_us = write_us + 3999999";
    assert!(tables::change(&store, old) > 100);
    let before = tables::all(&store);

    let revisions = format!("pipeline revision 1, and this program computes revision {PIPELINE_REVISION}");
    let words = [revisions.as_str(), "a new store", "`tickline work --log"];
    let work = "work --log dir:log --until-end --store";
    home.fails(&format!("{work} sqlite:rows.db"), 2, &words);
    home.fails(&format!("checkpoint drop {frontier} --store sqlite:rows.db"), 2, &words);
    home.fails("replay --log dir:log --write-to sqlite:rows.db --take-over", 2, &words);
    home.fails("verify --log dir:log --store sqlite:rows.db", 2, &words);
    assert_eq!(list(&home), found, "the checkpoint is still there for the program that can use it");
    // The same without a checkpoint, where the log would be read from its beginning.
    tables::change(&store, "DELETE FROM checkpoints");
    home.fails(&format!("{work} sqlite:rows.db"), 2, &words);
    assert!(tables::all(&store) == before, "no row of another revision is mixed in");
    // The way that the message names.
    home.ok(&format!("{work} sqlite:new.db"));
    home.ok("verify --rows --log dir:log --store sqlite:new.db");
}

#[test]
fn dropping_a_checkpoint_says_what_the_next_start_needs() {
    let home = home_with_checkpoint();
    let found = list(&home);
    let frontier = found.iter().find(|found| found["is_committed"] == true).unwrap()["frontier"].as_str().unwrap();
    let dropped = home.ok(&format!("checkpoint drop {frontier} --store sqlite:rows.db"));
    assert!(dropped.contains("with the settings and the pipeline revision that the store was made with"), "{dropped}");
    assert!(dropped.contains("`tickline work --log LOG --store NEW`"), "{dropped}");
    let work = "work --log dir:log --until-end --store";
    let words =
        ["the settings", "differ from those that the store was made with", "`tickline work --log LOG --store NEW`"];
    home.fails(&format!("{work} sqlite:rows.db --allowed-lateness 5m"), 2, &words);
    home.ok(&format!("{work} sqlite:new.db --allowed-lateness 5m"));
    home.ok("verify --rows --log dir:log --store sqlite:new.db --allowed-lateness 5m");
    home.ok(&format!("{work} sqlite:rows.db"));
    home.ok("verify --rows --log dir:log --store sqlite:rows.db");
}
