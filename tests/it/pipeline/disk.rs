//! Read-only and full disks: on a mount that only the test sees, where the system allows it.

use std::fs;

use crate::shared::process::{Home, Running};
use crate::shared::tables;

/// Runs a script in its own mount namespace; its mounts are not visible outside and do not remain.
fn in_namespace(home: &Home, script: &str) -> Running {
    home.start_as("unshare".as_ref(), &["--mount", "--", "sh", "-euc", script])
}

/// Whether mounts are possible here; prints a warning if not.
fn can_mount(home: &Home) -> bool {
    fs::create_dir(home.path("mnt")).unwrap();
    let found = std::process::Command::new("unshare").arg("--version").output().is_ok();
    let can = found && in_namespace(home, "mount -t tmpfs -o size=64k none mnt").end("mount").code == Some(0);
    if !can {
        eprintln!(
            "TESTS OF FULL AND READ-ONLY DISKS WERE NOT RUN: mounting is not possible here (it needs unshare and root)"
        );
    }
    can
}

#[test]
fn unwritable_path_is_reported() {
    let home = Home::new();
    home.simulate("trades.jsonl", 2_000, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:log");
    // Not even root can create files there.
    home.fails("work --log dir:log --store sqlite:/proc/tickline/rows.db --until-end", 1, &["/proc/tickline/rows.db"]);
    home.fails(
        "work --log dir:log --store sqlite:/proc/rows.db --until-end",
        1,
        &["/proc/rows.db", "cannot be opened"],
    );
    home.fails("import trades.jsonl --log dir:/proc/tickline", 1, &["/proc/tickline"]);
    home.write("file", "x");
    home.fails("work --log dir:log --store sqlite:file/rows.db --until-end", 1, &["file"]);
    home.fails("demo --data file/data --for 1s --port 0", 1, &["file/data"]);
}

#[test]
fn read_only_disk_is_reported() {
    let home = Home::new();
    if !can_mount(&home) {
        return;
    }
    home.simulate("trades.jsonl", 2_000, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:mnt/log");
    home.ok("work --log dir:mnt/log --store sqlite:mnt/rows.db --until-end");
    let bin = env!("CARGO_BIN_EXE_tickline");
    let run = |line: &str| {
        let script = format!("mount --bind mnt mnt; mount -o remount,ro,bind mnt; exec {bin} {line}");
        in_namespace(&home, &script).end(line)
    };
    run("work --log dir:mnt/log --store sqlite:mnt/rows.db").is(1, &["cannot be opened", "mnt/rows.db"]);
    run("work --log dir:mnt/log --store sqlite:mnt/new.db").is(1, &["mnt/new.db"]);
    run("import trades.jsonl --log dir:mnt/log").is(1, &["read-only"]);
    // Reading a log needs no write permission.
    run("replay --log dir:mnt/log").is(0, &[]);
}

#[test]
fn work_resumes_after_a_full_disk() {
    let home = Home::new();
    if !can_mount(&home) {
        return;
    }
    home.simulate("trades.jsonl", 60_000, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:log");
    home.ok("work --log dir:log --store sqlite:expected.db --until-end");
    let bin = env!("CARGO_BIN_EXE_tickline");
    // Ballast leaves room for some of the rows; removing it is all that is done before work resumes.
    let script = format!(
        "mount -t tmpfs -o size=32m none mnt
         head -c 33300000 /dev/zero > mnt/ballast
         work() {{ {bin} work --log dir:log --store sqlite:mnt/rows.db --until-end \\
         --read-ahead 1s --checkpoint-every 1ms; }}
         code=0; work || code=$?
         echo code=$code
         rm mnt/ballast
         work
         {bin} verify --log dir:log --store sqlite:mnt/rows.db
         cp mnt/rows.db* ."
    );
    let ended = in_namespace(&home, &script).end("a full disk");
    ended.is(0, &["the disk is full", "free some space"]);
    assert!(ended.stdout.contains("code=1\n") && ended.stdout.contains("frontiers match"), "{ended:?}");
    tables::assert_same(&home.path("rows.db"), &home.path("expected.db"));

    // A log on a full disk: the failed write is reported, and the records written are complete.
    let script = format!(
        "mount -t tmpfs -o size=1m none mnt
         code=0; {bin} import trades.jsonl --log dir:mnt/log || code=$?
         echo code=$code
         code=0; {bin} work --log dir:mnt/log --store sqlite:part.db --until-end || code=$?
         echo work=$code
         {bin} verify --log dir:mnt/log --store sqlite:part.db"
    );
    let ended = in_namespace(&home, &script).end("a full disk under a log");
    ended.is(0, &["the disk is full", "records were read and are not complete"]);
    assert!(ended.stdout.contains("code=1\nwork=1\n"), "{ended:?}");
}
