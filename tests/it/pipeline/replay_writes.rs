//! A replay writes only where the command line says so: no setting can make it touch the store of a live pipeline.

use serde_json::Value;

use crate::shared::process::Home;

fn status(home: &Home) -> Value {
    serde_json::from_str(&home.ok("status --store sqlite:store.db --format json")).unwrap()
}

#[test]
fn no_setting_makes_a_replay_write() {
    let home = Home::new();
    home.simulate("trades.jsonl", 5_000, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:log");
    home.ok("work --log dir:log --store sqlite:store.db --until-end");
    let before = std::fs::read(home.path("store.db")).unwrap();
    let epoch = status(&home)["epoch"].clone();
    // Settings that name the store of the pipeline for every command that has such an option.
    home.write("tickline.toml", "log = \"dir:log\"\nstore = \"sqlite:store.db\"\n");
    home.ok("replay --workers 2");
    home.ok("verify");
    assert_eq!(status(&home)["epoch"], epoch, "no new epoch was opened");
    assert_eq!(std::fs::read(home.path("store.db")).unwrap(), before, "not a byte was written");
    home.write("tickline.toml", "write-to = \"sqlite:store.db\"\n");
    home.fails("replay --log dir:log", 2, &["write-to"]);
    std::fs::remove_file(home.path("tickline.toml")).unwrap();
    let replayed = home.ok("replay --log dir:log --write-to sqlite:again.db");
    crate::shared::tables::assert_same(&home.path("again.db"), &home.path("store.db"));
    let digest = status(&home)["digest"].as_str().unwrap().to_owned();
    assert!(replayed.lines().last().unwrap().contains(&digest), "{replayed}");
}
