//! The identity of a directory log: a random number in the file `log-id`, made with the log or when a log without one
//! is first opened. With it, a log is not taken for another one that was put in its place.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use crate::process::durable_file::sync_directory;

/// The file's name.
const FILE: &str = "log-id";

/// The identity of the log in this directory; empty when it has none and the directory cannot be written.
pub fn of(log: &Path) -> io::Result<String> {
    if let Some(found) = read(log)? {
        return Ok(found);
    }
    match create(log) {
        Ok(()) => Ok(read(log)?.unwrap_or_default()),
        Err(error) => {
            tracing::warn!(log = %log.display(), %error, "the log has no identity, and none can be written");
            Ok(String::new())
        }
    }
}

/// Whether the log in this directory has an identity, which it gets when it is first opened.
pub fn exists(log: &Path) -> bool {
    log.join(FILE).exists()
}

fn read(log: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(log.join(FILE)) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a new identity, unless another process has just done so. The file appears with its content, and stays: a log
/// that lost it would be taken for another one.
fn create(log: &Path) -> io::Result<()> {
    let mut random = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let draft = log.join(format!(".{FILE}.{}", std::process::id()));
    let mut file = File::create(&draft)?;
    writeln!(file, "{:032x}", u128::from_le_bytes(random))?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, log.join(FILE));
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_directory(log),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_is_made_once() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = of(one.path()).unwrap();
        assert_eq!(first.len(), 32);
        assert_eq!(of(one.path()).unwrap(), first);
        assert_ne!(of(other.path()).unwrap(), first);
        assert_eq!(fs::read_dir(one.path()).unwrap().count(), 1, "no draft is left");
    }
}
