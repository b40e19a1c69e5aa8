//! The binary `tickline`: parses the command line and runs a command of the library.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::FromArgMatches;
use tickline::command::cli::{Cli, Command};
use tickline::command::{config_file, renamed};
use tickline::exit_code;
use tickline::process::{signals, terminal};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    signals::end_on_panic();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tickline: {error:#}");
            ExitCode::from(exit_code::of(&error))
        }
    }
}

fn run() -> anyhow::Result<()> {
    let args: Vec<_> = std::env::args_os().collect();
    renamed::check(&args, |variable| std::env::var_os(variable).is_some())?;
    let matches = config_file::command_with_file::<Cli>()?.get_matches();
    let cli = Cli::from_arg_matches(&matches)?;
    log_to_stderr(&cli);
    cli.run()
}

/// Logs to standard error, in colours only on a terminal.
fn log_to_stderr(cli: &Cli) {
    let filter = match &cli.command {
        // It owns the terminal and shows errors there.
        Some(Command::Top(_)) => EnvFilter::new("off"),
        // The store logs a lost connection once; Cassandra's driver logs each of them.
        _ => EnvFilter::try_from_env("TICKLINE_LOG_LEVEL").unwrap_or_else(|_| EnvFilter::new("warn,scylla=off")),
    };
    let coloured = std::io::stderr().is_terminal() && terminal::colours_are_wanted();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(coloured).with_writer(std::io::stderr).init();
}
