//! Rules about dependencies: exact versions where every release changes something, and no I/O crates in the pure crate.

/// Crates whose interface or encoding changes with every minor version.
const PINNED: [&str; 3] = ["timely", "differential-dataflow", "bincode"];

/// Crates that open files, sockets or threads. Timely's own dependencies are allowed.
const IO_CRATES: [&str; 12] = [
    "tokio",
    "rdkafka",
    "scylla",
    "rusqlite",
    "tungstenite",
    "reqwest",
    "axum",
    "mio",
    "socket2",
    "hyper",
    "chrono",
    "jiff",
];

/// Crates of [`PINNED`] without an exact version in the workspace's manifest.
pub fn unpinned(manifest: &str) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().unwrap();
    let dependencies = &manifest["workspace"]["dependencies"];
    let version = |name: &str| {
        let entry = dependencies.get(name)?;
        entry.as_str().or_else(|| entry.get("version")?.as_str())
    };
    let is_exact =
        |text: &str| text.strip_prefix('=').is_some_and(|v| v.split('.').filter(|n| !n.is_empty()).count() == 3);
    let wrong = |name: &&str| !version(name).is_some_and(is_exact);
    PINNED.into_iter().filter(wrong).map(|name| format!("{name}: {:?}", version(name))).collect()
}

/// Lines of `cargo tree --prefix none` that name one of [`IO_CRATES`], or a crate with it as a part of its name.
pub fn impure(tree: &str) -> Vec<String> {
    let does_io = |name: &str| name.split('-').any(|part| IO_CRATES.contains(&part));
    let name = |line: &str| line.split(' ').next().unwrap_or_default().to_string();
    tree.lines().filter(|line| does_io(&name(line))).map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loose_versions_are_found() {
        let manifest = |timely: &str, bincode: &str| {
            format!("[workspace.dependencies]\ntimely = {timely}\ndifferential-dataflow = \"=0.26.0\"\n{bincode}")
        };
        let good = manifest("{ version = \"=0.32.0\", default-features = false }", "bincode = \"=1.3.3\"");
        assert_eq!(unpinned(&good), [""; 0]);
        let loose = ["\"0.32.0\"", "\"=0.32\"", "{ version = \"^0.32.0\" }", "{ path = \"x\" }"];
        for timely in loose {
            assert_eq!(unpinned(&manifest(timely, "bincode = \"=1.3.3\"")).len(), 1, "{timely}");
        }
        assert_eq!(unpinned(&manifest("\"=0.32.0\"", "")), ["bincode: None"]);
    }

    #[test]
    fn io_crates_are_found() {
        assert_eq!(impure("dataflows v0.1.0 (x/tokio)\ntimely v0.32.0\nserde v1.0.0 (proc-macro)\n"), [""; 0]);
        assert_eq!(impure("timely v0.32.0\ntokio v1.54.0\nrdkafka-sys v4.0.0\n").len(), 2);
    }
}
