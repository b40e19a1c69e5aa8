//! The command line: one binary, a command for each role. Everything it does is in the library.

use std::process::ExitCode;

use clap::FromArgMatches;
use tickline::command::cli::Cli;
use tickline::command::{self, common, config_file};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("TICKLINE_LOG_LEVEL")
        // What Cassandra's driver says of each lost connection, the store says once.
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,scylla=off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    common::end_on_panic();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tickline: {error:#}");
            ExitCode::from(command::exit_code(&error))
        }
    }
}

fn run() -> anyhow::Result<()> {
    let matches = config_file::command_with_file::<Cli>()?.get_matches();
    Cli::from_arg_matches(&matches)?.run()
}
