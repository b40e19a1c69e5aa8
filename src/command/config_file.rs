//! Configuration: built-in defaults < `tickline.toml` < `TICKLINE_*` environment < flags.
//!
//! The file (`tickline.toml` in the current directory, or what `TICKLINE_CONFIG` names) holds option names and values
//! at its top level: `workers = 4`, `checkpoint-every = "10s"`. They become the defaults of those options in every
//! command, so one mechanism reads, checks and documents all of them. Secrets are not options, so they cannot stand
//! there.

use std::path::Path;

use anyhow::Context;
use clap::{Command, CommandFactory};

use super::UsageError;
use crate::process::os_error;

const FILE: &str = "tickline.toml";

/// The command line of `C`, with the values of the configuration file as defaults.
pub fn command_with_file<C: CommandFactory>() -> anyhow::Result<Command> {
    let named = std::env::var_os("TICKLINE_CONFIG");
    let path = named.as_deref().unwrap_or(FILE.as_ref());
    match std::fs::read_to_string(path) {
        Ok(text) => with_text(C::command(), Path::new(path), &text),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(C::command()),
        Err(error) => {
            let why = format!("the configuration {} cannot be read: {}", path.display(), os_error::why(&error));
            Err(UsageError(why).into())
        }
    }
}

fn with_text(mut command: Command, path: &Path, text: &str) -> anyhow::Result<Command> {
    let usage = |why: String| UsageError(format!("the configuration {}: {why}", path.display()));
    let table: toml::Table =
        toml::from_str(text).map_err(|error| usage(error.to_string())).context("it is not TOML")?;
    for (name, value) in &table {
        let value = match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            _ => return Err(usage(format!("{name} is neither text nor a whole number")).into()),
        };
        let mut found = false;
        command = command.mut_subcommands(|sub| with_value(sub, name, &value, &mut found));
        if !found {
            return Err(usage(format!("{name} is no option that can be configured")).into());
        }
    }
    Ok(command)
}

/// Makes a value the default of the option of that name, in a command and in its own commands.
fn with_value(command: Command, name: &str, value: &str, found: &mut bool) -> Command {
    let command = command.mut_subcommands(|sub| with_value(sub, name, value, found));
    let takes = |arg: &clap::Arg| arg.get_long() == Some(name) && arg.get_env().is_some();
    let id = command.get_arguments().find(|arg| takes(arg)).map(|arg| arg.get_id().clone());
    let Some(id) = id else { return command };
    *found = true;
    command.mut_arg(id, |arg| arg.default_value(value.to_owned()).required(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        let workers = clap::Arg::new("workers").long("workers").env("TICKLINE_TEST_WORKERS").default_value("1");
        Command::new("t").subcommand(Command::new("work").arg(workers).arg(clap::Arg::new("flag").long("flag")))
    }

    fn workers(text: &str, line: &[&str]) -> String {
        let matches = with_text(command(), Path::new(FILE), text).unwrap().get_matches_from(line);
        matches.subcommand().unwrap().1.get_one::<String>("workers").unwrap().clone()
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_the_default() {
        assert_eq!(workers("", &["t", "work"]), "1");
        assert_eq!(workers("workers = 4", &["t", "work"]), "4");
        assert_eq!(workers("workers = '4'", &["t", "work", "--workers", "2"]), "2");
    }

    #[test]
    fn commands_within_commands_are_configured_too() {
        let inner = Command::new("inner").subcommand(command().find_subcommand("work").unwrap().clone());
        let command = Command::new("t").subcommand(inner);
        let matches = with_text(command, Path::new(FILE), "workers = 4").unwrap();
        let matches = matches.get_matches_from(["t", "inner", "work"]);
        let work = matches.subcommand().unwrap().1.subcommand().unwrap().1;
        assert_eq!(work.get_one::<String>("workers").unwrap(), "4");
    }

    #[test]
    fn what_cannot_be_configured_is_refused() {
        for text in ["wokers = 4", "workers = 1.5", "workers", "flag = 'x'", "[work]\nworkers = 4"] {
            let error = with_text(command(), Path::new(FILE), text).unwrap_err();
            assert_eq!(crate::exit_code::of(&error), 2, "{text}");
        }
    }
}
