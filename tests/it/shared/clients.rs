//! Python scripts with third-party clients.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// Python interpreter from `scripts/foreign-clients`.
pub fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/foreign-clients");
        let output = Command::new(script).output().expect("scripts/foreign-clients cannot be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
    })
}

/// Runs `tests/foreign/NAME.py` with an API token, and parses the JSON that it prints.
pub fn run(name: &str, token: &str, words: &[&str]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/foreign/{name}.py"));
    let output = Command::new(python()).arg(script).args(words).env("FINNHUB_TOKEN", token).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {words:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{name} {words:?}: {e}: {stderr}"))
}
