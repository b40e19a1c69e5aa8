//! The command line: one binary, a command for each role. Everything it does is in the library.

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches, Parser, Subcommand};
use tickline::command::{self, common, config_file};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Real-time market data with an exact answer to: is this complete?
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 done, 2 usage or configuration, 3 data lost or refused, 4 fenced by a newer \
    epoch, 5 a peer was lost, 1 the rest.\nEvery option with [env: ...] can also stand in tickline.toml."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// The whole pipeline in one process: simulator, log, dataflow, SQLite, live page (also without a command)
    Demo(command::demo::DemoArgs),
    /// A stand-in for Finnhub: REST and WebSocket with made-up trades
    Simulate(tickline::simulate::SimulateArgs),
    /// The feed -> log
    Ingest(Box<command::ingest::IngestArgs>),
    /// Trades from files into a log
    Import(command::import::Args),
    /// Make topics, log directory and tables, or check that they are as they should be
    Setup(command::setup::SetupArgs),
    /// The dataflow: log -> store
    Work(Box<command::work::WorkArgs>),
    /// Recompute from the log and print the digests
    Replay(Box<command::replay::ReplayArgs>),
    /// Recompute from the log and compare with a store
    Verify(Box<command::verify::VerifyArgs>),
    /// Candles from a store
    Candles(command::candles::Args),
    /// Indicators from a store
    Indicators(command::indicators::Args),
    /// A store in the terminal, live: watch list, chart, how far it is complete
    Top(command::top::Args),
    /// How far things are, and what was refused
    Status(command::status::Args),
    /// The directory of all symbols that Finnhub lists
    Symbols(command::symbols::Args),
    /// What was refused: the records of a store's table `rejected`
    Rejected(command::rejected::Args),
    /// The page and the HTTP API over a store
    Dashboard(command::dashboard::DashboardArgs),
    /// What a shell needs to complete commands and options
    Completions(command::completions::Args),
    /// Manual pages
    Man(command::man::Args),
}

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
    let cli = Cli::from_arg_matches(&matches)?;
    match cli.command.unwrap_or_else(|| Command::Demo(command::demo::DemoArgs::default())) {
        Command::Demo(args) => command::demo::run(&args),
        Command::Simulate(args) => tickline::simulate::run(&args),
        Command::Ingest(args) => command::ingest::run(&args),
        Command::Import(args) => command::import::run(&args),
        Command::Setup(args) => command::setup::run(&args),
        Command::Work(args) => command::work::run(&args),
        Command::Replay(args) => command::replay::run(&args),
        Command::Verify(args) => command::verify::run(&args),
        Command::Candles(args) => command::candles::run(&args),
        Command::Indicators(args) => command::indicators::run(&args),
        Command::Top(args) => command::top::run(&args),
        Command::Status(args) => command::status::run(&args),
        Command::Symbols(args) => command::symbols::run(&args),
        Command::Rejected(args) => command::rejected::run(&args),
        Command::Dashboard(args) => command::dashboard::run(&args),
        Command::Completions(args) => command::completions::run(&args, Cli::command()),
        Command::Man(args) => command::man::run(&args, Cli::command()),
    }
}
