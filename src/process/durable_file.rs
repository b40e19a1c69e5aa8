//! Files that appear whole or not at all, also after the machine has lost power.

use std::fs::File;
use std::io;
use std::path::Path;

/// Gives a written draft its name, in the place of a file that may be there: the content is durable before the name is,
/// and the name before this returns. Both are in one directory.
pub fn publish(file: &File, draft: &Path, path: &Path) -> io::Result<()> {
    file.sync_all()?;
    std::fs::rename(draft, path)?;
    sync_directory(directory_of(path))
}

/// Makes the names in a directory durable.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// The directory that a file is in.
pub fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_in_the_current_directory() {
        assert_eq!(directory_of(Path::new("a")), Path::new("."));
        assert_eq!(directory_of(Path::new("a/b")), Path::new("a"));
    }
}
