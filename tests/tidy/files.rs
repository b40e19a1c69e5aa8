//! The texts of this repository: tracked, or about to be.

use std::process::Command;

/// Where the repository is.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A text and its path from [`ROOT`].
pub struct File {
    pub path: String,
    pub text: String,
}

impl File {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_string(), text: text.to_string() }
    }

    /// Whether the path ends so, without the dot.
    pub fn is(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, found)| found == extension)
    }

    pub fn is_shell(&self) -> bool {
        let first = self.text.lines().next().unwrap_or_default();
        self.is("sh") || (first.starts_with("#!") && first.ends_with("sh"))
    }

    /// Written by others, or by a program.
    pub fn is_foreign(&self) -> bool {
        self.path.contains("/vendor/") || ["Cargo.lock", "LICENSE"].contains(&self.path.as_str())
    }

    /// `path:line: what` for each line of which `wrong` says what.
    pub fn lines_that(&self, wrong: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let says = |(at, line)| wrong(line).map(|what| format!("{}:{}: {what}", self.path, at + 1));
        self.text.lines().enumerate().filter_map(says).collect()
    }
}

/// Every file that is text.
pub fn files() -> Vec<File> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(list).current_dir(ROOT).output().unwrap();
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let paths = String::from_utf8(output.stdout).unwrap();
    // A file that was removed and not yet committed is still in the list.
    let read = |path: &str| Some(File::new(path, &std::fs::read_to_string(format!("{ROOT}/{path}")).ok()?));
    paths.split_terminator('\0').filter_map(read).collect()
}

/// One file's text.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(format!("{ROOT}/{path}")).unwrap_or_else(|error| panic!("{path}: {error}"))
}
