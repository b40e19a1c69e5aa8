//! A file for what is only read from files. There is one folder for all runs of a thread.

use std::path::PathBuf;

use tempfile::TempDir;

/// Writes a file of this name, and returns its path.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    thread_local! {
        static FOLDER: TempDir = TempDir::new().unwrap();
    }
    let path = FOLDER.with(|folder| folder.path().join(name));
    std::fs::write(&path, bytes).unwrap();
    path
}
