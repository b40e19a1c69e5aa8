//! The number of files, sockets among them, that this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are not connections: the store's, the log's, the libraries'.
const OTHER_FILES: usize = 256;

/// Raises the limit as far as the system allows, and returns how many connections that leaves room for.
pub fn room_for_connections() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // Fails only where the system forbids it, and then the limit is as before.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    files.saturating_sub(OTHER_FILES).max(files / 2).max(1)
}
