//! Runs a script by the Python that has the clients of others.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// The Python that `scripts/foreign-clients` makes.
pub fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/foreign-clients");
        let output = Command::new(script).output().expect("scripts/foreign-clients cannot be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
    })
}

/// Runs `tests/foreign/NAME.py`, with `token` as its key for Finnhub; what it prints is JSON.
pub fn run(name: &str, token: &str, words: &[&str]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/foreign/{name}.py"));
    let output = Command::new(python()).arg(script).args(words).env("FINNHUB_TOKEN", token).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {words:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{name} {words:?}: {e}: {said}"))
}
