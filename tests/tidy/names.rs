//! Names that occur in two places and must agree: tables of the store, commands in the documents.

use std::collections::BTreeSet;

use crate::files::File;

/// The store's tables, in order.
pub const TABLES: [&str; 17] = [
    "candles_1d",
    "candles_1h",
    "candles_1m",
    "candles_5m",
    "candles_5s",
    "checkpoint_segments",
    "checkpoints",
    "epochs",
    "frontier",
    "frontier_history",
    "gaps",
    "heartbeats",
    "identity",
    "indicators_5s",
    "meta",
    "rejected",
    "symbols",
];

/// Tables that do not exist, in statements in `src/`.
pub fn unknown_tables(file: &File) -> Vec<String> {
    if !file.path.starts_with("src/") || !file.is("rs") {
        return Vec::new();
    }
    let heads = ["FROM ", "INTO ", "UPDATE ", "CREATE TABLE "];
    file.lines_that(|line| {
        let named = heads.iter().flat_map(|head| line.match_indices(head).map(|(at, _)| &line[at + head.len()..]));
        let word = |rest: &str| {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            rest[..end].to_string()
        };
        let unknown = |name: &String| {
            let lower = name.starts_with(|c: char| c.is_ascii_lowercase());
            let system = ["sqlite_schema", "system_schema", "system_views"].contains(&name.as_str());
            lower && !system && !TABLES.contains(&name.as_str())
        };
        named.map(word).find(unknown).map(|name| format!("unknown table {name}"))
    })
}

/// The tables that a CQL file creates, in order.
pub fn made_by(cql: &str) -> Vec<String> {
    let heads = cql.lines().filter_map(|line| line.strip_prefix("CREATE TABLE IF NOT EXISTS "));
    let mut names: Vec<String> = heads.filter_map(|rest| Some(rest.split_once(" (")?.0.to_string())).collect();
    names.sort();
    names
}

/// The commands that `tickline --help` lists.
pub fn commands_of(help: &str) -> BTreeSet<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A command is indented by two columns, a continued line by more.
    let named = listed.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    named.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help").map(String::from).collect()
}

/// The commands in a page's code blocks, with their flags. A line that ends in `\` continues.
pub fn shown(readme: &str) -> Vec<(String, Vec<String>)> {
    let code: String = readme.split("```").skip(1).step_by(2).collect::<Vec<_>>().join("\n");
    let code = code.replace("\\\n", " ");
    let commands = code.lines().filter_map(|line| {
        let line = line.split(" #").next().unwrap_or_default();
        let (_, rest) = line.split_once("tickline ")?;
        let mut words = rest.split_whitespace();
        let command = words.next()?.to_string();
        Some((command, words.filter(|w| w.starts_with("--")).map(String::from).collect()))
    });
    commands.collect()
}

/// Flags that are not in the command's help.
pub fn unknown_flags(flags: &[String], help: &str) -> Vec<String> {
    let known: BTreeSet<&str> = help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).collect();
    flags.iter().filter(|flag| !known.contains(flag.as_str())).cloned().collect()
}

/// Relative links of a page that lead to none of `paths`, files or folders. Anchors are not checked.
pub fn broken_links(file: &File, paths: &BTreeSet<String>) -> Vec<String> {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    if !file.is("md") {
        return Vec::new();
    }
    file.lines_that(|line| {
        let links = line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let is_broken = |link: &&str| {
            let target = normal(&format!("{folder}/{link}"));
            let is_inside = |path: &String| *path == target || path.starts_with(&format!("{target}/"));
            !link.is_empty() && !link.contains("://") && !paths.iter().any(is_inside)
        };
        links.clone().find(is_broken).map(|link| format!("broken link {link}"))
    })
}

/// A relative path without `.`, `..` and empty parts.
fn normal(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_links_are_found() {
        let paths = ["README.md", "docs/a.md", "docs/pictures/a.png"].map(String::from).into();
        let good = "[a](a.md#part) ![b](pictures/a.png) [c](../README.md) [d](https://e.org/x) [e](#f) [g](../docs/)\n";
        assert_eq!(broken_links(&File::new("docs/b.md", good), &paths), [""; 0]);
        let bad = broken_links(&File::new("docs/b.md", "[a](a.md) [b](b/a.md)\n[c](README.md)\n"), &paths);
        assert_eq!(bad, ["docs/b.md:1: broken link b/a.md", "docs/b.md:2: broken link README.md"]);
    }

    #[test]
    fn tables_that_do_not_exist_are_found() {
        let file = |text: &str| File::new("src/store/a.rs", text);
        let good =
            ["SELECT * FROM frontier WHERE", "INSERT INTO {name} VALUES", "DELETE FROM candles_5s\"", "FROM AS is"];
        for text in good {
            assert_eq!(unknown_tables(&file(text)), [""; 0], "{text}");
        }
        for text in ["SELECT 1 FROM frontiers", "INSERT INTO candle VALUES", "CREATE TABLE more (", "UPDATE epoch SET"]
        {
            assert_eq!(unknown_tables(&file(text)).len(), 1, "{text}");
        }
    }

    #[test]
    fn tables_of_cql_are_read() {
        let cql =
            "-- CREATE TABLE no (\nCREATE TABLE IF NOT EXISTS b (\n  x int,\nCREATE TABLE IF NOT EXISTS a (x int);\n";
        assert_eq!(made_by(cql), ["a", "b"]);
    }

    #[test]
    fn commands_are_read() {
        let listed = "  demo    The whole\n          pipeline\n  replay  Again\n  help    This\n\n";
        let help = format!("Does it\n\nUsage: x\n\nCommands:\n{listed}Options:\n  -h, --help  Print");
        assert_eq!(commands_of(&help), BTreeSet::from(["demo".to_string(), "replay".to_string()]));
        let code = "target/release/tickline replay --log dir:x \\\n  --every 1m # --not";
        let readme = format!("Use `tickline no`.\n```sh\n{code}\n```\ntickline no\n");
        assert_eq!(shown(&readme), [("replay".to_string(), vec!["--log".to_string(), "--every".to_string()])]);
        assert_eq!(unknown_flags(&["--log".into(), "--eve".into()], "  --log <LOG>  the\n  --every <T>"), ["--eve"]);
    }
}
