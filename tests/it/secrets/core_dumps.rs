//! Core dumps, which would hold the secrets of a process.

use std::process::Command;

use super::CANARY;
use crate::shared::process::{Home, wait_for};

#[test]
fn a_crash_leaves_no_core_dump() {
    let home = Home::new();
    // The shell allows as much as this machine does.
    let script = format!(
        "ulimit -c $(ulimit -H -c); exec {} ingest --log dir:log --source a --symbols A --url ws://127.0.0.1:1/",
        env!("CARGO_BIN_EXE_tickline")
    );
    let words = [format!("FINNHUB_TOKEN={CANARY}"), "sh".to_owned(), "-c".to_owned(), script];
    let mut ingest = home.start_as("env".as_ref(), &words.iter().map(String::as_str).collect::<Vec<_>>());
    wait_for("a warning", || {
        assert!(ingest.is_alive(), "{}", ingest.stderr());
        ingest.stderr().contains("feed lost").then_some(())
    });
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", ingest.id())).unwrap();
    let limit = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let words: Vec<&str> = limit.split_whitespace().skip(4).take(2).collect();
    assert_eq!(words, ["1", "1"], "soft and hard limit in bytes: {limit}");
    assert!(Command::new("kill").args(["-ABRT", &ingest.id().to_string()]).status().unwrap().success());
    assert_eq!(ingest.end("the crash").code, None, "ended by the signal");
    let files = std::fs::read_dir(home.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
    let cores: Vec<_> = files.filter(|name| name.to_string_lossy().starts_with("core")).collect();
    assert!(cores.is_empty(), "{cores:?}");
}
