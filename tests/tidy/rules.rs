//! Rules that look at one file. Each gives what is wrong as `path:line: what`.

use std::collections::BTreeSet;

use crate::files::File;

const LINES_MAX: usize = 500;
const COLUMNS_MAX: usize = 120;

/// Maximum length of files that people read.
pub fn length(file: &File) -> Vec<String> {
    let kinds = ["rs", "sh", "toml", "js", "css", "html", "md"];
    let counts = (kinds.iter().any(|kind| file.is(kind)) || file.is_shell()) && file.path != "CHANGELOG.md";
    let lines = file.text.lines().count();
    if counts && !file.is_foreign() && lines > LINES_MAX {
        return vec![format!("{}: {lines} lines, at most {LINES_MAX}", file.path)];
    }
    Vec::new()
}

/// Maximum width, comments included: rustfmt does not wrap those.
pub fn width(file: &File) -> Vec<String> {
    if !(file.is("rs") || file.is("toml") || file.is_shell()) || file.is_foreign() {
        return Vec::new();
    }
    file.lines_that(|line| {
        let columns = line.chars().count();
        (columns > COLUMNS_MAX).then(|| format!("{columns} columns, at most {COLUMNS_MAX}"))
    })
}

/// Every Rust file starts with a `//!` comment.
pub fn head(file: &File) -> Vec<String> {
    let said = file.text.strip_prefix("//! ").is_some_and(|rest| rest.lines().next().is_some_and(|l| l.len() > 10));
    if file.is("rs") && !said { vec![format!("{}:1: no `//!` comment at the start", file.path)] } else { Vec::new() }
}

/// Ignored tests and unfinished code. (The words are concatenated so that this file does not match.)
pub fn leftovers(file: &File) -> Vec<String> {
    let words = [
        concat!("#[", "ignore"),
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("db", "g!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
    ];
    if file.is_foreign() {
        return Vec::new();
    }
    file.lines_that(|line| words.iter().find(|word| line.contains(**word)).map(|word| format!("`{word}`")))
}

/// Paths and registries of one machine, which mean nothing on another.
pub fn machine(file: &File) -> Vec<String> {
    let folders = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    let hosts = [
        concat!("crates", ".io"),
        concat!("npmjs", ".org"),
        concat!("pypi", ".org"),
        concat!("python", "hosted.org"),
        concat!("maven.apache", ".org"),
        concat!("maven", ".org"),
        concat!("deb.debian", ".org"),
        concat!("proxy.golang", ".org"),
    ];
    if file.is_foreign() {
        return Vec::new();
    }
    file.lines_that(|line| {
        let folder = folders.iter().find(|folder| line.match_indices(**folder).any(|(at, _)| is_absolute(line, at)));
        let host = hosts.iter().find(|host| line.contains(**host));
        folder.or(host).map(|name| format!("names {name}"))
    })
}

/// Whether a path starts at this slash.
fn is_absolute(line: &str, at: usize) -> bool {
    let before = line[..at].chars().next_back();
    before.is_none_or(|c| !(c.is_alphanumeric() || "_-.$}/".contains(c)))
}

/// The one file that writes to standard error, after it has masked secrets and terminal commands.
const MESSAGES: &str = "src/process/messages.rs";

/// Messages to people pass through [`MESSAGES`].
pub fn messages(file: &File) -> Vec<String> {
    if !file.path.starts_with("src/") || !file.is("rs") || file.path == MESSAGES {
        return Vec::new();
    }
    let macros = ["eprintln!", "eprint!", "stderr()"];
    let is_use = |line: &str| !line.contains("is_terminal") && macros.iter().any(|name| line.contains(name));
    file.lines_that(|line| is_use(line).then(|| "write to standard error with process::messages::note".to_owned()))
}

/// The files that call into a C library.
pub const UNSAFE_FILES: [&str; 3] =
    ["src/log/kafka/batch_reader.rs", "src/log/kafka/message_status.rs", "benches/support/librdkafka.rs"];

/// Unsafe code is allowed in [`UNSAFE_FILES`] only.
pub fn unsafe_code(file: &File) -> Vec<String> {
    // Concatenated so that this file does not match.
    let allowed = concat!("allow(", "unsafe_code");
    if !file.is("rs") || UNSAFE_FILES.contains(&file.path.as_str()) {
        return Vec::new();
    }
    file.lines_that(|line| line.contains(allowed).then(|| "unsafe code has its own files".to_string()))
}

/// Iteration over hash maps in the pure crate, whose order is random. The methods are banned by
/// `dataflows/clippy.toml`; a `for` loop calls none of them by name and is found here.
pub fn hash_order(file: &File) -> Vec<String> {
    if !file.path.starts_with("dataflows/src/") {
        return Vec::new();
    }
    let maps: BTreeSet<&str> = file.text.lines().filter_map(hash_map_name).collect();
    file.lines_that(|line| {
        let walked = maps.iter().find(|name| is_walked(line, name))?;
        Some(format!("iterates over `{walked}`, whose order is random"))
    })
}

/// The name of a field or variable whose declaration names one of hashbrown's types.
fn hash_map_name(line: &str) -> Option<&str> {
    let at = ["HashMap", "HashTable", "HashSet"].iter().filter_map(|kind| line.find(kind)).min()?;
    let before = line[..at].trim_end_matches(|c: char| c.is_alphabetic() || "<&' :=".contains(c));
    let declared = line.get(before.len()..at)?.contains([':', '=']);
    let left = line[..at].split([':', '=']).next()?.trim();
    let name = left.rsplit([' ', '(', ',']).next()?;
    (declared && !name.is_empty() && !line.trim_start().starts_with("use ")).then_some(name)
}

fn is_walked(line: &str, name: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || "_.([".contains(c));
    let loops = ["in ", "in &", "in &mut ", "in self.", "in &self.", "in &mut self."];
    let in_loop = loops.iter().any(|head| {
        let walk = format!("{head}{name}");
        line.match_indices(&walk).any(|(at, _)| line[..at].contains("for ") && ends(&line[at + walk.len()..]))
    });
    in_loop || line.contains(&format!("{name}.into_iter()"))
}

/// Vendored folders without a licence file.
pub fn without_licence(paths: &[String]) -> Vec<String> {
    let folders: BTreeSet<_> = paths.iter().filter_map(|path| Some(path.split_once("/vendor/")?.0)).collect();
    let bare = |folder: &&str| !paths.contains(&format!("{folder}/vendor/LICENSE"));
    folders.into_iter().filter(bare).map(|folder| format!("{folder}/vendor")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: impl Fn(&File) -> Vec<String>, path: &str, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(rule(&File::new(path, text)), [""; 0], "{text}");
        }
        for text in bad {
            assert_eq!(rule(&File::new(path, text)).len(), 1, "{text}");
        }
    }

    #[test]
    fn long_files_are_found() {
        let (full, over) = ("x\n".repeat(LINES_MAX), "x\n".repeat(LINES_MAX + 1));
        check(length, "src/a.rs", &[&full], &[&over]);
        check(length, "scripts/a", &[&over], &[&format!("#!/bin/bash\n{over}")]);
        check(length, "src/vendor/a.js", &[&over], &[]);
    }

    #[test]
    fn long_lines_are_found() {
        let (full, over) = ("é".repeat(COLUMNS_MAX), "é".repeat(COLUMNS_MAX + 1));
        check(width, "src/a.rs", &[&full], &[&over]);
        check(width, "a.toml", &[&full], &[&over]);
        check(width, "scripts/a", &[&over], &[&format!("#!/usr/bin/env bash\n{over}")]);
        check(width, "a.md", &[&over], &[]);
    }

    #[test]
    fn silent_files_are_found() {
        check(
            head,
            "src/a.rs",
            &["//! What this is for.\n"],
            &["", "use std::fmt;\n", "//! a\n", "// What this is for.\n"],
        );
        check(head, "a.toml", &[""], &[]);
    }

    #[test]
    fn leftovers_are_found() {
        let bad = ["#[", "    #["].map(|head| format!("{head}ignore = \"slow\"]"));
        check(leftovers, "src/a.rs", &["/// Nothing to do (yet)."], &[&bad[0], &bad[1], concat!("db", "g!(x)")]);
        let bad = [concat!("to", "do!()"), concat!("unimpl", "emented!()"), concat!("# TO", "DO: more")];
        check(leftovers, "scripts/a.sh", &["do!(x)"], &bad);
    }

    #[test]
    fn machines_are_found() {
        let path = |head: &str, name: &str| format!("{head}/{name}/x");
        let good = [path("target", "work"), path("$DIR", "root"), "of work/life".to_string(), path("", "worked")];
        let bad = [
            path("", "work"),
            path("dir:", "root"),
            path("see \"", "home"),
            "https://index.crates".to_string() + ".io",
        ];
        check(machine, "docs/a.md", &good.each_ref().map(String::as_str), &bad.each_ref().map(String::as_str));
    }

    #[test]
    fn walks_over_hash_maps_are_found() {
        let of = |decl: &str, walk: &str| format!("{decl}\n{walk}");
        let fields =
            ["    symbols: HashMap<Symbol, u32>,", "let mut symbols = HashMap::new();", "symbols: Vec<HashMap<A, B>>,"];
        let walks = [
            "for (a, b) in &self.symbols {",
            "for a in symbols {",
            "for a in &mut symbols {",
            "let a = symbols.into_iter().map(f);",
        ];
        for field in fields {
            let good = of(field, "for a in &symbols_sorted { self.symbols.get(a); }");
            check(hash_order, "dataflows/src/a.rs", &[&good], &[]);
            for walk in walks {
                check(hash_order, "dataflows/src/a.rs", &[walk], &[&of(field, walk)]);
                check(hash_order, "src/a.rs", &[&of(field, walk)], &[]);
            }
        }
    }

    #[test]
    fn unmasked_messages_are_found() {
        let bad = ["eprintln!(\"a\");", "eprint!(\"a\");", "writeln!(std::io::stderr(), \"a\");"];
        check(messages, "src/a.rs", &["note(format_args!(\"a\"));", "println!(\"a\");"], &bad);
        check(messages, MESSAGES, &bad, &[]);
        check(messages, "tests/a.rs", &bad, &[]);
    }

    #[test]
    fn unsafe_code_elsewhere_is_found() {
        let line = concat!("#![allow(", "unsafe_code)]");
        check(unsafe_code, "src/a.rs", &["let a = 1;"], &[line]);
        check(unsafe_code, UNSAFE_FILES[0], &[line], &[]);
    }

    #[test]
    fn vendored_files_without_licence_are_found() {
        let paths = ["src/a/vendor/x.js", "src/b/vendor/y.js", "src/b/vendor/LICENSE", "src/c.rs"].map(String::from);
        assert_eq!(without_licence(&paths), ["src/a/vendor"]);
    }
}
