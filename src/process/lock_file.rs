//! Lock files of the embedded log and the embedded store: one writer at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Error, Read, Seek, Write};
use std::path::Path;

/// Why a lock file could not be locked.
pub enum LockFailure {
    /// Another process holds the lock; its id, if known.
    Held(String),
    /// The system call failed.
    System(Error),
}

/// Locks the file for this process and writes its id into it. The lock lasts while the file is open, so it ends with
/// the process in any case; the file itself stays.
pub fn lock(path: &Path) -> Result<File, LockFailure> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(LockFailure::System)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(LockFailure::Held(holder(&mut file))),
        Err(TryLockError::Error(error)) => return Err(LockFailure::System(error)),
    }
    write_id(&mut file).map_err(LockFailure::System)?;
    Ok(file)
}

fn write_id(file: &mut File) -> Result<(), Error> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(32).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => format!("process {}", text.trim()),
        _ => "unknown process".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_names_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        let held = lock(&path).ok().unwrap();
        let Err(LockFailure::Held(holder)) = lock(&path) else { panic!("locked twice") };
        assert_eq!(holder, format!("process {}", std::process::id()));
        drop(held);
        assert!(lock(&path).is_ok());
    }
}
