//! Core dumps, which would hold every secret of the process.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Makes the system write no core dump of this process and of those that it starts.
///
/// The limit is one byte, not none: Linux ignores a limit where it passes dumps to a program (`core_pattern` begins
/// with `|`), except this one. As the size of a file it is as good as none.
pub fn forbid() {
    let limit = Rlimit { current: Some(1), maximum: Some(1) };
    // Lowering a limit is always allowed; one that is lower already stays.
    if setrlimit(Resource::Core, limit).is_err() {
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
}
