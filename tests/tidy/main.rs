//! The rules of this repository, as tests: what no compiler checks. Each rule is a small function in a module, with a
//! test that it finds violations; here the rules are applied to the repository itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::process::Command;

mod configuration;
mod files;
mod names;
mod rules;
mod tree;
mod words;

use files::{File, files, read};

/// The pages whose commands are checked here, and run by `tests/it/documents.rs`.
const PAGES: [&str; 3] = ["README.md", "docs/operating.md", "docs/replay.md"];
/// The page of all settings.
const SETTINGS: &str = "docs/configuration.md";

/// Applies a rule for single files to every tracked text.
fn hold(rule: impl Fn(&File) -> Vec<String>) {
    let files = files();
    assert!(files.len() > 100, "only {} files: is this the whole repository?", files.len());
    let found: Vec<_> = files.iter().flat_map(rule).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn output(command: &mut Command) -> String {
    let output = command.current_dir(files::ROOT).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn files_are_short() {
    hold(rules::length);
}

#[test]
fn lines_are_short() {
    hold(rules::width);
}

#[test]
fn rust_files_have_a_head_comment() {
    hold(rules::head);
}

#[test]
fn no_leftovers() {
    hold(rules::leftovers);
}

#[test]
fn messages_are_masked() {
    hold(rules::messages);
}

#[test]
fn no_text_names_this_machine() {
    hold(rules::machine);
}

#[test]
fn old_words_stay_out() {
    let found = words::found(&files());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn links_between_pages_work() {
    // Pictures are not text, so the list of files lacks them.
    let listed = output(Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]));
    let paths = listed.lines().map(String::from).collect();
    hold(|file| names::broken_links(file, &paths));
}

#[test]
fn unsafe_code_has_its_own_files() {
    hold(rules::unsafe_code);
    rules::UNSAFE_FILES.iter().for_each(|path| assert!(read(path).contains("unsafe {"), "{path} needs none"));
}

#[test]
fn hash_maps_are_not_iterated() {
    hold(rules::hash_order);
}

#[test]
fn vendored_files_have_their_licence() {
    let paths: Vec<_> = files().into_iter().map(|file| file.path).collect();
    assert!(paths.iter().any(|path| path.contains("/vendor/")), "the page's chart library is vendored");
    assert_eq!(rules::without_licence(&paths), [""; 0]);
}

#[test]
fn the_dataflow_crates_are_pinned() {
    assert_eq!(tree::unpinned(&read("Cargo.toml")), [""; 0]);
}

#[test]
fn the_pure_crate_does_no_io() {
    let args = ["tree", "--locked", "-p", "dataflows", "-e", "normal", "--prefix", "none"];
    let tree = output(Command::new(env!("CARGO")).args(args));
    assert!(tree.contains("differential-dataflow v"), "not a dependency tree: {tree}");
    assert_eq!(tree::impure(&tree), [""; 0]);
}

#[test]
fn the_store_has_these_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let address: tickline::store::address::StoreAddress = format!("sqlite:{}", path.display()).parse().unwrap();
    drop(address.open_writer().unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    let mut query = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let mut made: Vec<String> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    made.sort();
    assert_eq!(made, names::TABLES);
    let cql: String = files().into_iter().filter(|file| file.is("cql")).map(|file| file.text).collect();
    assert_eq!(names::made_by(&cql), names::TABLES, "both stores have the same tables");
    let unknown: Vec<_> = files().iter().flat_map(names::unknown_tables).collect();
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn pages_show_every_command_and_real_flags() {
    let help = |args: &[&str]| output(Command::new(env!("CARGO_BIN_EXE_tickline")).args(args).arg("--help"));
    // The help of a command, and of its subcommands.
    let whole_help = |command: &str| {
        let own = help(&[command]);
        let verbs = names::commands_of(&own);
        verbs.iter().fold(own, |text, verb| text + &help(&[command, verb]))
    };
    let commands = names::commands_of(&help(&[]));
    let shown: Vec<_> = PAGES.iter().flat_map(|page| names::shown(&read(page))).collect();
    assert!(shown.len() > 5, "{shown:?}");
    let mut wrong = Vec::new();
    for (command, flags) in &shown {
        if commands.contains(command) {
            let help = whole_help(command);
            wrong.extend(
                names::unknown_flags(flags, &help).into_iter().map(|flag| format!("{command} has no flag {flag}")),
            );
        } else {
            wrong.push(format!("unknown command {command}"));
        }
    }
    let missing = commands.iter().filter(|command| shown.iter().all(|(name, _)| name != *command));
    wrong.extend(missing.map(|command| format!("no page shows {command}")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_page_of_settings_is_up_to_date() {
    let page = read(SETTINGS);
    let renewed = configuration::renewed(&page);
    if std::env::var_os("TICKLINE_WRITE_DOCS").is_some() {
        std::fs::write(SETTINGS, &renewed).unwrap();
        return;
    }
    assert!(page == renewed, "{SETTINGS} is out of date: run `TICKLINE_WRITE_DOCS=1 cargo test --test tidy`");
}
