//! Rules about dependencies: exact versions of what changes with every release, none of the world in the pure crate.

/// They change their interfaces, or their bytes, in every minor version.
const PINNED: [&str; 3] = ["timely", "differential-dataflow", "bincode"];

/// What opens files, sockets or threads of its own. Timely's own dependencies stay.
const WORLD: [&str; 12] = [
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

/// Which of [`PINNED`] the workspace's manifest does not hold to one version.
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

/// Which lines of `cargo tree --prefix none` name one of [`WORLD`], or a part or a kind of it.
pub fn impure(tree: &str) -> Vec<String> {
    let of_world = |name: &str| name.split('-').any(|part| WORLD.contains(&part));
    let name = |line: &str| line.split(' ').next().unwrap_or_default().to_string();
    tree.lines().filter(|line| of_world(&name(line))).map(String::from).collect()
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
    fn a_way_to_the_world_is_found() {
        assert_eq!(impure("dataflows v0.1.0 (x/tokio)\ntimely v0.32.0\nserde v1.0.0 (proc-macro)\n"), [""; 0]);
        assert_eq!(impure("timely v0.32.0\ntokio v1.54.0\nrdkafka-sys v4.0.0\n").len(), 2);
    }
}
