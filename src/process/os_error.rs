//! Texts of operating system errors, with a hint what to do next.

use std::io::{Error, ErrorKind};

/// The reason why a system call failed, with a hint where one is known.
pub fn why(error: &Error) -> String {
    let hint = match error.kind() {
        ErrorKind::StorageFull => "the disk is full: make room and start again",
        ErrorKind::QuotaExceeded => "the disk quota is used up: make room and start again",
        ErrorKind::PermissionDenied => "permission denied: check its owner and mode",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only: choose another directory",
        ErrorKind::NotFound => "no such file or directory",
        ErrorKind::NotADirectory => "a part of the path is not a directory",
        ErrorKind::IsADirectory => "it is a directory",
        _ if error.raw_os_error() == Some(TOO_MANY_FILES) => "too many files are open: raise `ulimit -n`",
        _ => return error.to_string(),
    };
    hint.to_string()
}

/// EMFILE.
const TOO_MANY_FILES: i32 = 24;

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_full_disk_has_a_hint() {
        let mut full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = full.write_all(b"x").unwrap_err();
        assert!(why(&error).contains("disk is full"), "{}", why(&error));
        assert!(why(&Error::from_raw_os_error(TOO_MANY_FILES)).contains("ulimit"));
        assert_eq!(why(&Error::other("odd")), "odd");
    }
}
