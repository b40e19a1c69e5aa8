//! A replay writes only where the command line says so, and never changes a row that is not its own: no setting can
//! make it touch the store of a live pipeline.

use serde_json::Value;

use crate::shared::process::{Home, wait_for};
use crate::shared::tables;

fn status(home: &Home) -> Value {
    serde_json::from_str(&home.ok("status --store sqlite:store.db --format json")).unwrap()
}

fn home() -> Home {
    let home = Home::new();
    home.simulate("trades.jsonl", 5_000, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:log");
    home.ok("work --log dir:log --store sqlite:store.db --until-end");
    home
}

/// Everything in a store, the epoch included.
fn contents(home: &Home) -> (Vec<(String, Vec<String>)>, tables::Progress) {
    let store = home.path("store.db");
    (tables::all(&store), tables::progress(&store))
}

#[test]
fn no_setting_makes_a_replay_write() {
    let home = home();
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
    tables::assert_same(&home.path("again.db"), &home.path("store.db"));
    let digest = status(&home)["digest"].as_str().unwrap().to_owned();
    assert!(replayed.lines().last().unwrap().contains(&digest), "{replayed}");
}

#[test]
fn a_replay_of_another_identity_changes_nothing() {
    let home = home();
    let before = contents(&home);
    let replay = "replay --write-to sqlite:store.db --take-over --log";
    home.ok("import trades.jsonl --log dir:other");
    home.fails(&format!("{replay} dir:other"), 3, &["made from another log", "a new store"]);
    home.fails(&format!("{replay} dir:log --allowed-lateness 5m"), 2, &["the settings", "a new store"]);
    let words = ["--from-offset", "rows would replace complete ones in sqlite:store.db", "write to a new store"];
    home.fails(&format!("{replay} dir:log --from-offset 0=700"), 2, &words);
    assert!(contents(&home) == before, "no row, no epoch");
    // The first offsets are the whole log.
    home.ok(&format!("{replay} dir:log --from-offset 0=0"));
    assert!(contents(&home).0 == before.0, "the same rows");
    // An empty file is a new store.
    home.write("empty.db", "");
    home.ok("replay --log dir:log --from-offset 0=700 --write-to sqlite:empty.db");
}

#[test]
fn a_replay_leaves_the_store_of_a_live_worker_alone() {
    let home = home();
    let mut worker = home.start("work --log dir:log --store sqlite:store.db");
    wait_for("its epoch", || (tables::progress(&home.path("store.db")).epoch == 2).then_some(()));
    wait_for("its sign of life", || {
        assert!(worker.is_alive(), "{}", worker.stderr());
        let ended = home.run("replay --log dir:log --write-to sqlite:store.db");
        // Before its first one, the lock says that it lives.
        let (code, said) = (ended.code, ended.stderr);
        assert!(code == Some(2) || (code == Some(1) && said.contains("in use by another worker")), "{said}");
        (code == Some(2)).then(|| assert!(said.contains("a worker writes to sqlite:store.db: epoch 2 gave"), "{said}"))
    });
    let replay = "replay --log dir:log --write-to sqlite:store.db --take-over";
    home.fails(replay, 1, &["in use by another worker", &format!("process {}", worker.id())]);
    assert!(worker.is_alive() && contents(&home).1.epoch == 2, "it goes on");
    worker.terminate();
    worker.end("the worker").is(0, &[]);
    home.ok("replay --log dir:log --write-to sqlite:store.db");
    home.ok("verify --rows --log dir:log --store sqlite:store.db");
}
