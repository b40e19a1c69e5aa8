//! Faults around the program: each ends with its exit code and says what to do; nothing is lost.

use std::fs;

use crate::shared::process::{Home, wait_for};
use crate::shared::tables;

const WORK: &str = "work --log dir:log --store sqlite:rows.db --until-end";
const VERIFY: &str = "verify --log dir:log --store sqlite:rows.db";

/// A log, and a store of an undisturbed run.
fn home() -> Home {
    home_of(30_000)
}

fn home_of(trades: u64) -> Home {
    let home = Home::new();
    home.simulate("trades.jsonl", trades, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:log --partitions 3");
    home.ok(&format!("{WORK} --workers 2"));
    home
}

/// A store with a checkpoint.
pub fn home_with_checkpoint() -> Home {
    // Too many to be read at once: a checkpoint is made when the frontier passes the next minute.
    let home = home_of(200_000);
    fs::remove_file(home.path("rows.db")).unwrap();
    let mut work = home.start("work --log dir:log --store sqlite:rows.db --checkpoint-every 1ms --read-ahead 1s");
    wait_for("a checkpoint", || {
        assert!(work.is_alive(), "{}", work.stderr());
        tables::progress(&home.path("rows.db")).checkpoint
    });
    work.kill();
    home
}

#[test]
fn damaged_checkpoint_is_rejected() {
    let home = home_with_checkpoint();
    let store = home.path("rows.db");
    let whole = fs::read(&store).unwrap();
    let wal = fs::read(home.path("rows.db-wal")).unwrap_or_default();
    let damages = [
        (
            "UPDATE checkpoints SET header = CAST(substr(header, 1, 40) || x'55' || substr(header, 42) AS BLOB)",
            "checksum",
        ),
        ("UPDATE checkpoints SET header = substr(header, 1, 40)", "bytes of state, expected"),
        ("UPDATE checkpoints SET header = CAST(x'ff' || substr(header, 2) AS BLOB)", "version 255"),
        (
            "UPDATE checkpoint_segments SET bytes = CAST(substr(bytes, 1, 30) || x'a7a7' || substr(bytes, 33) AS BLOB)",
            "shard",
        ),
        ("UPDATE checkpoint_segments SET bytes = x''", "shard"),
        ("UPDATE checkpoints SET frontier = frontier + 60000", "stored under another frontier than its own"),
        ("UPDATE checkpoints SET frontier = 0", "stored under another frontier than its own"),
    ];
    let restore = || {
        for end in ["-wal", "-shm"] {
            let _ = fs::remove_file(home.path(&format!("rows.db{end}")));
        }
        fs::write(&store, &whole).unwrap();
        fs::write(home.path("rows.db-wal"), &wal).unwrap();
    };
    for (sql, word) in damages {
        assert!(tables::change(&store, sql) > 0, "{sql}");
        home.fails(WORK, 3, &["the checkpoint as of", word, "work into a new store"]);
        restore();
    }
    // Not the header of the one that is kept, without which the pipeline goes on.
    let missing = "DELETE FROM checkpoint_segments WHERE shard = (SELECT min(shard) FROM checkpoint_segments)";
    assert_eq!(tables::change(&store, missing), 1);
    home.fails(WORK, 3, &["the checkpoint as of", "is missing", "restore the file, or remove it"]);
    restore();
    // A frontier that cannot be a time.
    assert_eq!(tables::change(&store, "UPDATE checkpoints SET frontier = -1"), 1);
    home.fails(WORK, 3, &["rows.db is damaged", "process the log again"]);
    home.fails("checkpoint list --store sqlite:rows.db", 3, &["rows.db is damaged"]);
    restore();
    home.ok(WORK);
    home.ok(VERIFY);
}

#[test]
fn foreign_file_is_no_store() {
    let home = home();
    let store = home.path("rows.db");
    home.write("garbage.db", b"these bytes are not a database at all        ".repeat(400));
    home.fails("work --log dir:log --store sqlite:garbage.db", 3, &["garbage.db is damaged"]);
    home.fails("candles --store sqlite:garbage.db --symbol A --resolution 5s", 3, &["garbage.db is damaged"]);
    home.fails("verify --log dir:log --store sqlite:garbage.db", 3, &["garbage.db is damaged"]);

    let mut bytes = fs::read(&store).unwrap();
    assert!(bytes.len() > 300_000, "the rows are in the file: {}", bytes.len());
    bytes.truncate(100_000);
    home.write("short.db", &bytes);
    home.fails("work --log dir:log --store sqlite:short.db --until-end", 3, &["short.db is damaged"]);
    home.fails("verify --log dir:log --store sqlite:short.db", 3, &["short.db is damaged"]);

    home.write("other.db", "");
    tables::change(&home.path("other.db"), "CREATE TABLE mine (x)");
    home.fails("work --log dir:log --store sqlite:other.db", 1, &["not a Tickline store"]);
}

#[test]
fn verify_finds_changed_and_lost_rows() {
    let home = home();
    home.ok(VERIFY);
    let store = home.path("rows.db");
    tables::change(
        &store,
        "UPDATE frontier_history SET rows = rows + 1 WHERE frontier = (SELECT max(frontier) FROM frontier_history)",
    );
    home.fails(VERIFY, 1, &["store and log disagree", "over"]);
    tables::change(
        &store,
        "DELETE FROM frontier_history WHERE frontier = (SELECT max(frontier) FROM frontier_history)",
    );
    home.fails(VERIFY, 1, &["no frontier row where the replay produces one"]);
}

#[test]
fn one_worker_and_one_writer() {
    let home = home();
    fs::remove_file(home.path("rows.db")).unwrap();
    let mut first = home.start("work --log dir:log --store sqlite:rows.db");
    let end = |progress: tables::Progress| progress.frontier.filter(|_| progress.epoch == 1);
    let frontier = wait_for("the first worker", || end(tables::progress(&home.path("rows.db"))));
    let holder = format!("process {}", first.id());
    home.fails("work --log dir:log --store sqlite:rows.db", 1, &["in use by another worker", &holder]);
    let replay = "replay --log dir:log --write-to sqlite:rows.db --take-over";
    home.fails(replay, 1, &["in use by another worker", &holder]);
    assert!(first.is_alive() && tables::progress(&home.path("rows.db")).epoch == 1, "the first one continues");

    // The log's writer: held by this process, whose id is reported.
    let writer = tickline::log::dir::DirWriter::open(&home.path("log")).unwrap();
    let holder = format!("process {}", std::process::id());
    home.fails("import trades.jsonl --log dir:log", 1, &["written by another process", &holder]);
    drop(writer);
    home.simulate("more.jsonl", 20_000, "2024-01-02T15:30:00Z");
    home.ok("import more.jsonl --log dir:log");
    wait_for("the first worker to process the new records", || {
        assert!(first.is_alive(), "{}", first.stderr());
        tables::progress(&home.path("rows.db")).frontier.filter(|&now| now > frontier + 3_600_000)
    });
    first.kill();
    home.ok(WORK);
    home.ok(VERIFY);
}

#[test]
fn another_log_is_rejected() {
    let home = home_with_checkpoint();
    let rows = "--store sqlite:rows.db --until-end";
    home.fails(&format!("work --log dir:nowhere {rows}"), 2, &["no log at", "nowhere", "tickline import"]);
    home.fails("verify --log dir:nowhere --store sqlite:rows.db", 2, &["no log at"]);
    fs::create_dir(home.path("empty")).unwrap();
    home.fails(&format!("work --log dir:empty {rows}"), 2, &["partition-00000.jsonl"]);

    home.ok("import trades.jsonl --log dir:wide --partitions 5");
    for line in [format!("work --log dir:wide {rows}"), "verify --log dir:wide --store sqlite:rows.db".to_owned()] {
        home.fails(&line, 3, &["dir:wide was replaced", "made from another log"]);
    }
    // Logs that pass for the same one.
    let pass_for_ours = |log: &str| fs::copy(home.path("log/log-id"), home.path(&format!("{log}/log-id"))).unwrap();
    pass_for_ours("wide");
    home.fails(&format!("work --log dir:wide {rows}"), 3, &["the log has 5 partitions", "made with 3"]);

    home.write(
        "few.jsonl",
        fs::read(home.path("trades.jsonl"))
            .unwrap()
            .split_inclusive(|b| *b == b'\n')
            .take(9)
            .collect::<Vec<_>>()
            .concat(),
    );
    home.ok("import few.jsonl --log dir:few --partitions 3");
    pass_for_ours("few");
    let resume = tables::rows(&tables::open(&home.path("rows.db")), "SELECT resume FROM frontier");
    assert_eq!(resume.len(), 1);
    let available = |partition| {
        let text = fs::read_to_string(home.path(&format!("few/partition-0000{partition}.jsonl"))).unwrap();
        format!("holds 0..{}", text.lines().count())
    };
    let ended = home.run(&format!("work --log dir:few {rows}"));
    ended.is(3, &["is needed"]);
    // Which partition is opened first is not fixed.
    let named = (0..3).find(|partition| ended.stderr.contains(&format!("partition {partition}: offset"))).unwrap();
    ended.is(3, &[&available(named)]);
    fs::remove_file(home.path("few/partition-00001.jsonl")).unwrap();
    home.fails(&format!("work --log dir:few {rows}"), 3, &["partition-00001.jsonl is missing"]);
    home.ok(WORK);
    home.ok(VERIFY);
}

#[test]
fn changed_settings_are_rejected() {
    let home = home_with_checkpoint();
    let words = ["the settings", "differ from those that the store was made with", "a new store"];
    home.fails(&format!("{WORK} --allowed-lateness 5m"), 2, &words);
    home.fails(&format!("{WORK} --step 500ms"), 2, &words);
    home.fails(&format!("{WORK} --max-out-of-orderness 1s"), 2, &words);
    home.write("table.toml", "[[scheme]]\nprefix = \"\"\nkind = \"codes\"\n");
    home.fails(&format!("{WORK} --conditions table.toml"), 2, &words);
    home.ok(WORK);
    home.ok(VERIFY);
}

#[test]
fn usage_errors_are_reported() {
    let home = home();
    home.ok("import trades.jsonl --log dir:second");
    home.fails("candles --store sqlite:nothing.db --symbol A --resolution 5s", 2, &["no store at", "tickline work"]);
    home.fails("candles --store sqlite:rows.db --symbol NOPE:X --resolution 5s", 2, &["unknown symbol NOPE:X in"]);
    home.fails("verify --log dir:log --store none", 2, &["sqlite:PATH"]);
    home.fails("work --log dir:log --store cassandra", 2, &["invalid store address"]);
    home.fails("work --log trades --store none", 2, &["invalid log address"]);
    home.fails(&format!("{WORK} --step 7ms"), 2, &["invalid time step 7 ms"]);
    home.fails(&format!("{WORK} --conditions nowhere.toml"), 2, &["nowhere.toml"]);
    home.write("table.toml", "scheme = []");
    home.fails(&format!("{WORK} --conditions table.toml"), 2, &["prefix = \"\""]);
    home.write("tickline.toml", "wokers = 3\n");
    home.fails(WORK, 2, &["tickline.toml", "unknown setting \"wokers\""]);
    home.write("tickline.toml", "workers = 3\nlog = 'dir:log'\n");
    home.ok("work --store sqlite:rows.db --until-end");
    home.write("tickline.toml", "workers 3");
    home.fails(WORK, 2, &["tickline.toml"]);
}
