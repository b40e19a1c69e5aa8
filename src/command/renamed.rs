//! Old names of settings: a command that is given one ends with an error that names the new one.

use std::ffi::{OsStr, OsString};

use super::UsageError;

/// A setting under its old and its new name. An old name counts only for the commands that had it.
struct Renamed {
    /// Flag, environment variable or key of `tickline.toml`.
    old: &'static str,
    new: &'static str,
    commands: &'static [&'static str],
}

const fn renamed(old: &'static str, new: &'static str, commands: &'static [&'static str]) -> Renamed {
    Renamed { old, new, commands }
}

const COMPUTING: &[&str] = &["work", "replay", "verify"];

const FLAGS: [Renamed; 14] = [
    renamed("tick", "--step", COMPUTING),
    renamed("horizon", "--allowed-lateness", COMPUTING),
    renamed("horizon", "--allowed-lateness", &["dashboard"]),
    renamed("max-disorder", "--max-out-of-orderness", COMPUTING),
    renamed("lateness", "--max-out-of-orderness", &["ingest"]),
    renamed("shard", "--share", &["ingest"]),
    renamed("silence-max", "--liveness-timeout", &["ingest"]),
    renamed("symbols", "--symbol-log", &["work"]),
    renamed("symbols", "--instruments", &["demo", "simulate"]),
    renamed("metrics", "--listen", &["work"]),
    renamed("metrics-port", "--listen HOST:PORT", &["ingest"]),
    renamed("bind", "--listen HOST:PORT", &["ingest", "dashboard"]),
    renamed("port", "--listen HOST:PORT", &["dashboard"]),
    renamed("store", "--write-to", &["replay"]),
];

const VARIABLES: [Renamed; 14] = [
    renamed("TICKLINE_TICK", "TICKLINE_STEP", COMPUTING),
    renamed("TICKLINE_HORIZON", "TICKLINE_ALLOWED_LATENESS", COMPUTING),
    renamed("TICKLINE_HORIZON", "TICKLINE_ALLOWED_LATENESS", &["dashboard"]),
    renamed("TICKLINE_MAX_DISORDER", "TICKLINE_MAX_OUT_OF_ORDERNESS", COMPUTING),
    renamed("TICKLINE_LATENESS", "TICKLINE_INGEST_MAX_OUT_OF_ORDERNESS", &["ingest"]),
    renamed("TICKLINE_SHARD", "TICKLINE_SHARE", &["ingest"]),
    renamed("TICKLINE_SILENCE_MAX", "TICKLINE_LIVENESS_TIMEOUT", &["ingest"]),
    renamed("TICKLINE_SYMBOLS", "TICKLINE_SYMBOL_LOG", &["work"]),
    renamed("TICKLINE_WORK_METRICS", "TICKLINE_WORK_LISTEN", &["work"]),
    renamed("TICKLINE_METRICS_PORT", "TICKLINE_INGEST_LISTEN (HOST:PORT)", &["ingest"]),
    renamed("TICKLINE_BIND", "TICKLINE_INGEST_LISTEN (HOST:PORT)", &["ingest"]),
    renamed("TICKLINE_BIND", "TICKLINE_DASHBOARD_LISTEN (HOST:PORT)", &["dashboard"]),
    renamed("TICKLINE_PORT", "TICKLINE_DASHBOARD_LISTEN (HOST:PORT)", &["dashboard"]),
    renamed("TICKLINE_REPLAY_STORE", "--write-to, on the command line only", &["replay"]),
];

const KEYS: [Renamed; 10] = [
    renamed("tick", "step", &[]),
    renamed("horizon", "allowed-lateness", &[]),
    renamed("max-disorder", "max-out-of-orderness, in [work], [replay] and [verify]", &[]),
    renamed("lateness", "max-out-of-orderness, in [ingest]", &[]),
    renamed("shard", "share", &[]),
    renamed("silence-max", "liveness-timeout, in [ingest]", &[]),
    renamed("symbols", "symbol-log", &[]),
    renamed("metrics", "listen, in [work]", &[]),
    renamed("metrics-port", "listen, in [ingest]", &[]),
    renamed("bind", "listen, in [ingest] or [dashboard]", &[]),
];

/// Refuses old flags and old environment variables of the command that these arguments run.
pub fn check(args: &[OsString], variable_is_set: impl Fn(&str) -> bool) -> Result<(), UsageError> {
    // Without arguments the demo runs.
    let command = args.get(1).map_or("demo", |arg| arg.to_str().unwrap_or_default());
    let has = |renamed: &&Renamed| renamed.commands.contains(&command);
    let given = |flag: &str| args.iter().skip(2).take_while(|arg| *arg != "--").any(|arg| is_flag(arg, flag));
    if let Some(Renamed { old, new, .. }) = FLAGS.iter().filter(has).find(|renamed| given(renamed.old)) {
        return Err(UsageError(format!("--{old} is now {new}")));
    }
    match VARIABLES.iter().filter(has).find(|renamed| variable_is_set(renamed.old)) {
        Some(Renamed { old, new, .. }) => Err(UsageError(format!("the environment variable {old} is now {new}"))),
        None => Ok(()),
    }
}

/// The new name of a key of `tickline.toml`.
pub fn new_key(old: &str) -> Option<&'static str> {
    KEYS.iter().find(|renamed| renamed.old == old).map(|renamed| renamed.new)
}

fn is_flag(arg: &OsStr, flag: &str) -> bool {
    let name = arg.to_str().and_then(|text| text.strip_prefix("--"));
    name.is_some_and(|name| name.split('=').next() == Some(flag))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::command::cli::Cli;

    fn error(line: &str, variable: &str) -> Option<String> {
        let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        check(&args, |name| name == variable).err().map(|error| error.to_string())
    }

    #[test]
    fn old_flags_name_the_new_ones() {
        for (line, new) in [
            ("tickline work --tick 1s", "--tick is now --step"),
            ("tickline replay --log x --horizon=15m", "--horizon is now --allowed-lateness"),
            ("tickline verify --max-disorder 1s", "--max-disorder is now --max-out-of-orderness"),
            ("tickline ingest --lateness 1s", "--lateness is now --max-out-of-orderness"),
            ("tickline ingest --silence-max 60s", "--silence-max is now --liveness-timeout"),
            ("tickline work --symbols dir:x", "--symbols is now --symbol-log"),
            ("tickline demo --symbols 5", "--symbols is now --instruments"),
            ("tickline dashboard --port 1", "--port is now --listen HOST:PORT"),
            ("tickline replay --store none", "--store is now --write-to"),
        ] {
            assert_eq!(error(line, "").as_deref(), Some(new), "{line}");
        }
        for line in ["tickline", "tickline ingest --symbols A", "tickline demo --port 1", "tickline work -- --tick"] {
            assert_eq!(error(line, ""), None, "{line}");
        }
    }

    #[test]
    fn old_variables_name_the_new_ones() {
        let text = error("tickline ingest", "TICKLINE_BIND").unwrap();
        assert!(text.contains("TICKLINE_BIND is now TICKLINE_INGEST_LISTEN"), "{text}");
        assert!(error("tickline dashboard", "TICKLINE_HORIZON").unwrap().contains("ALLOWED_LATENESS"));
        assert_eq!(error("tickline candles", "TICKLINE_BIND"), None, "it never had the setting");
        assert_eq!(error("tickline demo", "TICKLINE_PORT"), None);
    }

    #[test]
    fn new_names_exist_and_old_ones_do_not() {
        let cli = Cli::command();
        for Renamed { old, new, commands } in &FLAGS {
            for command in commands.iter().map(|name| cli.find_subcommand(name).unwrap()) {
                let has = |flag: &str| command.get_arguments().any(|arg| arg.get_long() == Some(flag));
                assert!(!has(old), "{} still has --{old}", command.get_name());
                let flag = new.strip_prefix("--").and_then(|name| name.split(' ').next());
                assert!(flag.is_none_or(has), "{} has no {new}", command.get_name());
            }
        }
        let variables: Vec<_> =
            cli.get_subcommands().flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_env).collect();
        for Renamed { new, .. } in VARIABLES.iter().filter(|renamed| renamed.new.starts_with("TICKLINE_")) {
            assert!(variables.iter().any(|name| new.split(' ').next() == name.to_str()), "{new}");
        }
    }
}
