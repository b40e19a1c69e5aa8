//! The command line: one binary, a command for each role. Everything it does is in the library.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::FromArgMatches;
use tickline::command::cli::{Cli, Command};
use tickline::command::config_file;
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
    let matches = config_file::command_with_file::<Cli>()?.get_matches();
    let cli = Cli::from_arg_matches(&matches)?;
    log_to_stderr(&cli);
    cli.run()
}

/// What happens is said on standard error, in colours only on a terminal.
fn log_to_stderr(cli: &Cli) {
    let filter = match &cli.command {
        // It draws on all of the terminal, and says there what is wrong.
        Some(Command::Top(_)) => EnvFilter::new("off"),
        // What Cassandra's driver says of each lost connection, the store says once.
        _ => EnvFilter::try_from_env("TICKLINE_LOG_LEVEL").unwrap_or_else(|_| EnvFilter::new("warn,scylla=off")),
    };
    let coloured = std::io::stderr().is_terminal() && terminal::colours_are_wanted();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(coloured).with_writer(std::io::stderr).init();
}
