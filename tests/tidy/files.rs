//! The text files of this repository, tracked or new.

use std::process::Command;

/// The repository's root.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A text file; its path is relative to [`ROOT`].
pub struct File {
    pub path: String,
    pub text: String,
}

impl File {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_string(), text: text.to_string() }
    }

    /// Whether the file has this extension (without the dot).
    pub fn is(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, found)| found == extension)
    }

    pub fn is_shell(&self) -> bool {
        let first = self.text.lines().next().unwrap_or_default();
        self.is("sh") || (first.starts_with("#!") && first.ends_with("sh"))
    }

    /// Third-party, generated, or bytes of a fuzzer.
    pub fn is_foreign(&self) -> bool {
        ["/vendor/", "fuzz/corpus/"].iter().any(|part| self.path.contains(part))
            || ["Cargo.lock", "LICENSE"].contains(&self.path.as_str())
    }

    /// `path:line: message` for each line for which `wrong` returns a message.
    pub fn lines_that(&self, wrong: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let message = |(at, line)| wrong(line).map(|what| format!("{}:{}: {what}", self.path, at + 1));
        self.text.lines().enumerate().filter_map(message).collect()
    }
}

/// All text files.
pub fn files() -> Vec<File> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(list).current_dir(ROOT).output().unwrap();
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let paths = String::from_utf8(output.stdout).unwrap();
    // A removed file is listed until the removal is committed.
    let read = |path: &str| Some(File::new(path, &std::fs::read_to_string(format!("{ROOT}/{path}")).ok()?));
    paths.split_terminator('\0').filter_map(read).collect()
}

/// The text of one file.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(format!("{ROOT}/{path}")).unwrap_or_else(|error| panic!("{path}: {error}"))
}
