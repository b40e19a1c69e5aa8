//! The table of all settings, generated from the definition of the command line.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Command, CommandFactory};
use tickline::command::cli::Cli;

/// The lines around the table in docs/configuration.md.
const MARKS: [&str; 2] = ["<!-- settings -->\n", "<!-- end of settings -->\n"];

/// Name, environment variable and default of a setting; a setting with two defaults has two lines.
type Setting = (String, String, String);

/// The commands that have the setting, and its help texts.
type Lines = BTreeMap<Setting, (Vec<String>, Vec<String>)>;

/// The page with a new table.
pub fn renewed(page: &str) -> String {
    let (head, rest) = page.split_once(MARKS[0]).expect("the page has a mark");
    let (_, tail) = rest.split_once(MARKS[1]).expect("the page has a second mark");
    [head, MARKS[0], &table(), MARKS[1], tail].concat()
}

fn table() -> String {
    let mut lines = Lines::new();
    collect(&Cli::command(), "", &mut lines);
    let mut variables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, variable, _) in lines.keys() {
        variables.entry(name.clone()).or_default().insert(variable.clone());
    }
    let mut table = "\n| flag | key of `tickline.toml` | environment | default | commands | meaning |\n".to_owned();
    table += "| --- | --- | --- | --- | --- | --- |\n";
    for ((name, variable, default), (commands, what)) in lines {
        let default = if default.is_empty() { default } else { format!("`{default}`") };
        // A name with several meanings is a key of the commands' sections only.
        let key = if variables[&name].len() == 1 {
            format!("`{name}`")
        } else {
            let sections: Vec<_> =
                commands.iter().map(|command| format!("`[{}]`", command.replace(' ', "."))).collect();
            format!("`{name}` in {}", sections.join(", "))
        };
        let commands: Vec<_> = commands.iter().map(|command| format!("`{command}`")).collect();
        let (commands, what) = (commands.join(", "), what.join("; "));
        table += &format!("| `--{name}` | {key} | `{variable}` | {default} | {commands} | {what} |\n");
    }
    table + "\n"
}

fn collect(command: &Command, path: &str, lines: &mut Lines) {
    for arg in command.get_arguments() {
        let Some((name, variable)) = arg.get_long().zip(arg.get_env()) else { continue };
        let values: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let key = (name.to_owned(), variable.to_string_lossy().into_owned(), values.join(","));
        let what = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let what = what.trim_end_matches('.').to_owned();
        let (commands, words) = lines.entry(key).or_default();
        commands.push(path.trim_start().to_owned());
        if !words.contains(&what) {
            words.push(what);
        }
    }
    for inner in command.get_subcommands() {
        collect(inner, &format!("{path} {}", inner.get_name()), lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_setting_is_one_line() {
        let table = table();
        let line = table.lines().find(|line| line.starts_with("| `--allowed-lateness` |")).unwrap();
        assert!(line.contains("`TICKLINE_ALLOWED_LATENESS`") && line.contains("`15m`"), "{line}");
        assert!(["`work`", "`replay`", "`verify`"].iter().all(|name| line.contains(name)), "{line}");
        assert!(table.contains("`symbols sync`") && table.lines().count() > 20, "{table}");
    }

    #[test]
    fn an_ambiguous_key_names_its_section() {
        let table = table();
        let line = table.lines().find(|line| line.contains("`TICKLINE_INGEST_LISTEN`")).unwrap();
        assert!(line.contains("| `listen` in `[ingest]` |"), "{line}");
    }

    #[test]
    fn only_the_table_is_replaced() {
        let page = format!("before\n{}outdated\n{}after\n", MARKS[0], MARKS[1]);
        let renewed = renewed(&page);
        assert!(renewed.starts_with("before\n") && renewed.ends_with("after\n") && !renewed.contains("outdated"));
    }
}
