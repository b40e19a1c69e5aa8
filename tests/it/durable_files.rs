//! Files that are published under their name by a rename or a link: the name must be durable, too, or the machine may
//! lose it with its power.
//!
//! A small library, loaded before the system's, writes down in which order the program calls the system.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use simulator::{SimulatorConfig, serve};

use crate::shared::process::{Home, wait_for};

/// Writes one line for each rename, link and sync into the file that `CALLS` names.
const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

static void note(const char *call, const char *path) {
    const char *name = getenv("CALLS");
    char line[8300];
    int length = snprintf(line, sizeof line, "%s %s\n", call, path);
    int file = name ? open(name, O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;
    if (file >= 0) {
        if (write(file, line, (size_t)length) < 0) abort();
        close(file);
    }
}

static void note_file(const char *call, int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length > 0) { path[length] = 0; note(call, path); }
}

static void note_name(const char *call, const char *name) {
    char path[4096], folder[4096];
    snprintf(folder, sizeof folder, "%s", name);
    char *slash = strrchr(folder, '/');
    if (slash) *slash = 0;
    if (realpath(slash ? folder : ".", path)) note(call, path);
}

int fsync(int file) { note_file("sync", file); return (int)syscall(SYS_fsync, file); }
int fdatasync(int file) { note_file("sync", file); return (int)syscall(SYS_fdatasync, file); }

int rename(const char *from, const char *to) {
    int done = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    note_name("name", to);
    return done;
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    int done = (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
    note_name("name", to);
    return done;
}
"#;

/// The library, compiled once.
fn library() -> &'static Path {
    static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (source, library) = (folder.path().join("calls.c"), folder.path().join("calls.so"));
        std::fs::write(&source, LIBRARY).unwrap();
        let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status().unwrap();
        assert!(built.success(), "cc cannot compile the library");
        (folder, library)
    });
    path
}

/// Starts `tickline` with its calls written down.
fn start(home: &Home, line: &str, token: &str) -> crate::shared::process::Running {
    let (library, calls) = (library().display().to_string(), home.path("calls").display().to_string());
    home.start_with(line, &[("LD_PRELOAD", &library), ("CALLS", &calls), ("FINNHUB_TOKEN", token)])
}

/// Checks that each new name in a directory is followed by a sync of that directory, and that there are such names in
/// `folder`.
fn assert_durable(home: &Home, folder: &str) {
    let calls = std::fs::read_to_string(home.path("calls")).unwrap();
    let calls: Vec<(&str, &str)> = calls.lines().map(|line| line.split_once(' ').unwrap()).collect();
    let folder = std::fs::canonicalize(home.path(folder)).unwrap();
    let names = calls.iter().filter(|(call, path)| *call == "name" && Path::new(path) == folder).count();
    assert!(names > 0, "no file was published in {folder:?}: {calls:?}");
    for (at, (_, path)) in calls.iter().enumerate().filter(|(_, (call, _))| *call == "name") {
        let next = calls[at + 1..].iter().find(|(call, other)| *call == "name" || other == path);
        assert!(matches!(next, Some(("sync", _))), "{path} is not synced after call {at}: {calls:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_state_file_is_durable() {
    let simulator = serve(SimulatorConfig::default()).await.unwrap();
    let home = Home::new();
    let line = format!("ingest --log dir:log --source a --symbols AAPL --url {}", simulator.url());
    let mut ingest = start(&home, &line, "token");
    tokio::task::block_in_place(|| {
        wait_for("the state file", || {
            assert!(ingest.is_alive(), "{}", ingest.stderr());
            home.path(".tickline/ingest/a.state").exists().then_some(())
        });
        ingest.terminate();
        ingest.end("the ingest").is(0, &[]);
    });
    assert_durable(&home, ".tickline/ingest");
    // The log's own identity, which is published by a link.
    assert_durable(&home, "log");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_of_cached_answers_are_durable() {
    let simulator = serve(SimulatorConfig::default()).await.unwrap();
    let home = Home::new();
    let url = format!("http://{}/api/v1", simulator.addr());
    let line = format!("symbols sync --log dir:log --cache cache --exchange US --url {url}");
    tokio::task::block_in_place(|| start(&home, &line, "token").end("the sync").is(0, &[]));
    let day = std::fs::read_dir(home.path("cache")).unwrap().next().unwrap().unwrap().path();
    let folder = std::fs::read_dir(&day).unwrap().next().unwrap().unwrap().path();
    assert_durable(&home, folder.strip_prefix(home.path(".")).unwrap_or(&folder).to_str().unwrap());
}
