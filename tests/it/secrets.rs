//! Secrets: no log line, error, file or answer shows one, however loud the log is and whatever a server echoes.

use std::path::Path;

use crate::shared::process::{Ended, Home};

mod addresses;
mod core_dumps;
mod dashboard;
mod denied;
mod feed;
mod rest;

/// Parts of the canary. Each is plain in every spelling of it, except in Base64 and in a list of bytes.
const PARTS: [&str; 2] = ["Zq7xWcanary", "kJ9vPcanary"];
/// A secret with characters that URLs, JSON and Rust's `Debug` spell in other ways.
const CANARY: &str = "Zq7xWcanary&\"+%25\\ /kJ9vPcanary";

/// Settings under which everything is logged.
const LOUD: (&str, &str) = ("TICKLINE_LOG_LEVEL", "trace");

/// Checks that a text shows no part of the canary.
fn assert_hidden(what: &str, text: &str) {
    for (number, line) in (1..).zip(text.lines()) {
        assert!(PARTS.iter().all(|part| !line.contains(part)), "{what}, line {number} shows the secret: {line}");
    }
}

/// Checks everything that a command wrote to its output, and to the files of its directory.
fn assert_hidden_in(ended: &Ended, home: &Home, files_of_secrets: &[&str]) {
    assert_hidden("standard output", &ended.stdout);
    assert_hidden("standard error", &ended.stderr);
    assert_hidden_below(&home.path("."), files_of_secrets);
}

fn assert_hidden_below(folder: &Path, files_of_secrets: &[&str]) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if files_of_secrets.contains(&name.as_str()) {
            continue;
        }
        assert_hidden("a file's name", &name);
        if entry.file_type().unwrap().is_dir() {
            assert_hidden_below(&entry.path(), files_of_secrets);
        } else {
            assert_hidden(&name, &String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()));
        }
    }
}
