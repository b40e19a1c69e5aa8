//! The binary `tickline`: parses the command line and runs a command of the library.

use std::process::ExitCode;

use clap::FromArgMatches;
use tickline::command::cli::{Cli, Command};
use tickline::command::{config_file, renamed};
use tickline::exit_code;
use tickline::process::{core_dumps, messages, signals};
use tickline::secret::registry;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    core_dumps::forbid();
    signals::end_on_panic();
    register_given_secrets();
    let Err(error) = run() else { return ExitCode::SUCCESS };
    match error.downcast_ref::<clap::Error>() {
        Some(error) => {
            messages::print_usage(error);
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
        None => {
            messages::print_error(&error);
            ExitCode::from(exit_code::of(&error))
        }
    }
}

/// A password in an address is rejected; until then, it must not be in an error or in the help.
fn register_given_secrets() {
    let values = std::env::vars_os().map(|(_, value)| value);
    for value in std::env::args_os().skip(1).chain(values) {
        registry::register_from_address(&value.to_string_lossy());
    }
}

fn run() -> anyhow::Result<()> {
    let args: Vec<_> = std::env::args_os().collect();
    renamed::check(&args, |variable| std::env::var_os(variable).is_some())?;
    let matches = config_file::command_with_file::<Cli>()?.try_get_matches()?;
    let cli = Cli::from_arg_matches(&matches)?;
    messages::log_to_stderr(log_filter(&cli));
    cli.run()
}

fn log_filter(cli: &Cli) -> EnvFilter {
    match &cli.command {
        // It owns the terminal and shows errors there.
        Some(Command::Top(_)) => EnvFilter::new("off"),
        // The store logs a lost connection once; Cassandra's driver logs each of them.
        _ => EnvFilter::try_from_env("TICKLINE_LOG_LEVEL").unwrap_or_else(|_| EnvFilter::new("warn,scylla=off")),
    }
}
