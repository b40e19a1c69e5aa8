//! Configuration: built-in defaults < `tickline.toml` < `TICKLINE_*` environment < flags.
//!
//! The file (`tickline.toml` in the current directory, or the one that `TICKLINE_CONFIG` names) holds names and values
//! of options: `workers = 4`, `checkpoint-every = "10s"`. A key at the top level applies to every command that has the
//! setting; a key in a section (`[work]`, `[symbols.sync]`) applies to that command alone, and wins. The values become
//! the defaults of the options, so one mechanism reads, checks and documents all of them. Secrets are never options,
//! so they cannot be in the file.

use std::collections::BTreeMap;
use std::path::Path;

use clap::{Command, CommandFactory};
use dataflows::toml_error;
use toml::{Table, Value};

use super::output::suggest::suggest;
use super::{UsageError, renamed};
use crate::process::os_error;
use crate::secret::registry;

const FILE: &str = "tickline.toml";

/// The command line of `C`, with the values of the configuration file as defaults.
pub fn command_with_file<C: CommandFactory>() -> anyhow::Result<Command> {
    let named = std::env::var_os("TICKLINE_CONFIG");
    let path = named.as_deref().unwrap_or(FILE.as_ref());
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(with_text(C::command(), Path::new(path), &text)?),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(C::command()),
        Err(error) => {
            let why = format!("cannot read the configuration {}: {}", path.display(), os_error::why(&error));
            Err(UsageError(why).into())
        }
    }
}

/// A command line with the values of this configuration file as defaults.
pub fn with_text(command: Command, path: &Path, text: &str) -> Result<Command, UsageError> {
    let file = ConfigFile { path, text };
    let table: Table = toml::from_str(text)
        .map_err(|error| UsageError(format!("{}, {}", path.display(), toml_error::describe(text, &error))))?;
    file.configure(command, &table, "")
}

/// The configuration file, as errors name it.
struct ConfigFile<'a> {
    path: &'a Path,
    text: &'a str,
}

impl ConfigFile<'_> {
    /// Makes the values of a section the defaults of its command. The section of the top level is "".
    fn configure(&self, mut command: Command, table: &Table, section: &str) -> Result<Command, UsageError> {
        for (key, value) in table.iter().filter(|(_, value)| !value.is_table()) {
            let error = |text: String| self.error(self.line_of(section, key), &text);
            self.check_key(&command, section, key)?;
            let value = match value {
                Value::String(text) => {
                    registry::register_from_address(text);
                    text.clone()
                }
                Value::Integer(number) => number.to_string(),
                _ => return Err(error(format!("invalid value of {key}: expected a string or an integer"))),
            };
            command = with_default(command, key, &value);
        }
        // After the keys, because a section wins over them.
        for (key, inner) in table.iter().filter_map(|(key, value)| Some((key, value.as_table()?))) {
            let name = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
            let Some(subcommand) = command.find_subcommand(key).cloned() else {
                let known: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
                return Err(
                    self.error(self.line_of(&name, ""), &format!("unknown section [{name}]{}", hint(key, &known)))
                );
            };
            let subcommand = self.configure(subcommand, inner, &name)?;
            command = command.mut_subcommand(key, |_| subcommand);
        }
        Ok(command)
    }

    /// An error unless the key is one setting of this command or of those below it.
    fn check_key(&self, command: &Command, section: &str, key: &str) -> Result<(), UsageError> {
        let error = |text: &str| Err(self.error(self.line_of(section, key), text));
        let mut settings = Settings::new();
        collect(command, section, &mut settings);
        let Some(users) = settings.get(key) else {
            if let Some(new) = renamed::new_key(key) {
                return error(&format!("{key} is now {new}"));
            }
            let known: Vec<String> = settings.into_keys().collect();
            return error(&format!("unknown setting {key:?}{}", hint(key, &known)));
        };
        if users.len() > 1 {
            let sections: Vec<String> = users.values().flatten().map(|section| format!("[{section}]")).collect();
            return error(&format!(
                "{key} means different settings by command: put it into the section of the command, one of {}",
                sections.join(", ")
            ));
        }
        Ok(())
    }

    /// The line of a key in its section, or of the section's head where the key is empty.
    fn line_of(&self, section: &str, key: &str) -> usize {
        let (mut current, mut head) = (String::new(), 1);
        for (number, line) in (1..).zip(self.text.lines().map(str::trim)) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                current = name.trim().to_owned();
                if current == section {
                    head = number;
                }
            }
            let name = line.split('=').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
            if current == section && !key.is_empty() && name == key {
                return number;
            }
        }
        head
    }

    fn error(&self, line: usize, text: &str) -> UsageError {
        UsageError(format!("{}, line {line}: {text}", self.path.display()))
    }
}

/// Settings by name and by environment variable, with the sections of the commands that have them. Options of one name
/// are one setting if they share their variable.
type Settings = BTreeMap<String, BTreeMap<String, Vec<String>>>;

fn collect(command: &Command, section: &str, settings: &mut Settings) {
    for (name, variable) in command.get_arguments().filter_map(|arg| arg.get_long().zip(arg.get_env())) {
        let users = settings.entry(name.to_owned()).or_default();
        users.entry(variable.to_string_lossy().into_owned()).or_default().push(section.to_owned());
    }
    for inner in command.get_subcommands() {
        let dot = if section.is_empty() { "" } else { "." };
        collect(inner, &format!("{section}{dot}{}", inner.get_name()), settings);
    }
}

fn hint(name: &str, known: &[String]) -> String {
    let similar = suggest(name, known);
    if similar.is_empty() { String::new() } else { format!("; did you mean {}?", similar.join(", ")) }
}

/// Makes a value the default of the option of that name, in a command and in those below it.
fn with_default(command: Command, name: &str, value: &str) -> Command {
    let command = command.mut_subcommands(|sub| with_default(sub, name, value));
    let is_setting = |arg: &clap::Arg| arg.get_long() == Some(name) && arg.get_env().is_some();
    let id = command.get_arguments().find(|arg| is_setting(arg)).map(|arg| arg.get_id().clone());
    match id {
        Some(id) => command.mut_arg(id, |arg| arg.default_value(value.to_owned()).required(false)),
        None => command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(name: &'static str, variable: &'static str) -> clap::Arg {
        clap::Arg::new(name).long(name).env(variable).default_value("1")
    }

    fn command() -> Command {
        let work = Command::new("work").arg(option("workers", "TICKLINE_TEST_WORKERS"));
        let work = work.arg(option("listen", "TICKLINE_TEST_WORK_LISTEN")).arg(clap::Arg::new("flag").long("flag"));
        let verify = Command::new("verify").arg(option("workers", "TICKLINE_TEST_WORKERS"));
        let ingest = Command::new("ingest").arg(option("listen", "TICKLINE_TEST_INGEST_LISTEN"));
        Command::new("t").subcommands([work, verify, ingest])
    }

    /// The value of an option after a command line has been parsed with this file.
    fn value(text: &str, name: &str, line: &[&str]) -> String {
        let matches = with_text(command(), Path::new(FILE), text).unwrap().get_matches_from(line);
        matches.subcommand().unwrap().1.get_one::<String>(name).unwrap().clone()
    }

    fn error(text: &str) -> String {
        with_text(command(), Path::new(FILE), text).unwrap_err().to_string()
    }

    #[test]
    fn flags_win_over_the_file() {
        assert_eq!(value("", "workers", &["t", "work"]), "1");
        assert_eq!(value("workers = 4", "workers", &["t", "work"]), "4");
        assert_eq!(value("workers = '4'", "workers", &["t", "work", "--workers", "2"]), "2");
    }

    #[test]
    fn sections_win_over_the_top_level() {
        let text = "workers = 4\n[work]\nworkers = 8\nlisten = 'a:1'\n[ingest]\nlisten = 'b:1'\n";
        assert_eq!(value(text, "workers", &["t", "work"]), "8");
        assert_eq!(value(text, "workers", &["t", "verify"]), "4");
        assert_eq!(value(text, "listen", &["t", "work"]), "a:1");
        assert_eq!(value(text, "listen", &["t", "ingest"]), "b:1");
    }

    #[test]
    fn nested_commands_are_configured() {
        let inner = Command::new("inner").subcommand(command().find_subcommand("work").unwrap().clone());
        for text in ["workers = 4", "[inner]\nworkers = 4", "[inner.work]\nworkers = 4"] {
            let command = with_text(Command::new("t").subcommand(inner.clone()), Path::new(FILE), text).unwrap();
            let matches = command.get_matches_from(["t", "inner", "work"]);
            let work = matches.subcommand().unwrap().1.subcommand().unwrap().1;
            assert_eq!(work.get_one::<String>("workers").unwrap(), "4", "{text}");
        }
    }

    #[test]
    fn errors_have_line_and_hint() {
        for (text, wanted) in [
            ("\nwokers = 4", "tickline.toml, line 2: unknown setting \"wokers\"; did you mean workers?"),
            ("[work]\n\nwokers = 4", "line 3: unknown setting \"wokers\"; did you mean workers?"),
            ("workers = 1.5", "line 1: invalid value of workers: expected a string or an integer"),
            ("\n\nworkers", "line 3, column 8: "),
            ("flag = 'x'", "line 1: unknown setting \"flag\""),
            ("[wrok]\nworkers = 4", "line 1: unknown section [wrok]; did you mean work?"),
            ("[verify]\nlisten = 'x'", "line 2: unknown setting \"listen\""),
            ("tick = '1s'", "line 1: tick is now step"),
        ] {
            assert!(error(text).contains(wanted), "{text:?}: {}", error(text));
        }
    }

    #[test]
    fn an_ambiguous_key_needs_a_section() {
        let text = error("workers = 2\nlisten = '127.0.0.1:1'");
        assert!(text.contains("line 2: listen means different settings"), "{text}");
        assert!(text.contains("[ingest], [work]"), "{text}");
    }
}
