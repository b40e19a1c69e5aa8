//! The table of all settings, made from the command line's own definition.

use std::collections::BTreeMap;

use clap::{Arg, Command, CommandFactory};
use tickline::command::cli::Cli;

/// One setting: where it can be said, and what it does.
type Setting = (String, String, String);

/// The lines between the marks of docs/configuration.md.
pub fn table() -> String {
    let mut settings: BTreeMap<Setting, Vec<String>> = BTreeMap::new();
    collect(&Cli::command(), &mut Vec::new(), &mut settings);
    let mut page = String::from("| `tickline.toml` and flag | environment | default | commands | what |\n| --- | --- | --- | --- | --- |\n");
    // One line a name, environment and default; a command may describe it in words of its own, the first ones count.
    let mut lines: BTreeMap<(String, String, String), (Vec<String>, String)> = BTreeMap::new();
    for ((name, variable, what), commands) in settings {
        for command in commands {
            let (command, default) = command.split_once('\0').unwrap();
            let key = (name.clone(), variable.clone(), default.to_owned());
            let (commands, _) = lines.entry(key).or_insert_with(|| (Vec::new(), what.clone()));
            commands.push(format!("`{command}`"));
        }
    }
    for ((name, variable, default), (mut commands, what)) in lines {
        commands.sort();
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        page += &format!("| `{name}` | `{variable}` | {default} | {} | {what} |\n", commands.join(", "));
    }
    page
}

fn collect(command: &Command, path: &mut Vec<String>, settings: &mut BTreeMap<Setting, Vec<String>>) {
    for arg in command.get_arguments() {
        if let Some((name, variable)) = arg.get_long().zip(arg.get_env()) {
            let default = default(arg);
            let what = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let key = (name.to_owned(), variable.to_string_lossy().into_owned(), what.trim_end_matches('.').to_owned());
            settings.entry(key).or_default().push(format!("{}\0{default}", path.join(" ")));
        }
    }
    for inner in command.get_subcommands() {
        path.push(inner.get_name().to_owned());
        collect(inner, path, settings);
        path.pop();
    }
}

fn default(arg: &Arg) -> String {
    let values: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    values.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_of_several_commands_is_one_line() {
        let table = table();
        let line = table.lines().find(|line| line.starts_with("| `horizon` |")).unwrap();
        assert!(line.contains("`TICKLINE_HORIZON`") && line.contains("`15m`"), "{line}");
        assert!(["`work`", "`replay`", "`verify`", "`dashboard`"].iter().all(|name| line.contains(name)), "{line}");
        assert!(table.lines().count() > 20, "{table}");
    }
}
