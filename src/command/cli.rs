//! The command line as a whole: one binary, a command for each role.

use clap::{CommandFactory as _, Parser, Subcommand};

use super::{
    candles, checkpoint, completions, dashboard, demo, import, indicators, ingest, man, rejected, replay, setup,
    source, status, symbols, top, verify, work,
};

/// Real-time market data with an exact answer to: is this complete?
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 done, 2 usage or configuration, 3 data lost or refused, 4 fenced by a newer \
    epoch, 5 a peer was lost, 1 the rest.\nEvery option with [env: ...] can also stand in tickline.toml."
)]
pub struct Cli {
    /// The demo, when none is given.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The roles.
#[derive(Subcommand)]
pub enum Command {
    /// The whole pipeline in one process: simulator, log, dataflow, SQLite, live page (also without a command)
    Demo(demo::DemoArgs),
    /// A stand-in for Finnhub: REST and WebSocket with made-up trades
    Simulate(super::simulate::SimulateArgs),
    /// The feed -> log
    Ingest(Box<ingest::IngestArgs>),
    /// Trades from files into a log
    Import(import::Args),
    /// Make topics, log directory and tables, or check that they are as they should be
    Setup(setup::SetupArgs),
    /// The dataflow: log -> store
    Work(Box<work::WorkArgs>),
    /// Recompute from the log and print the digests
    Replay(Box<replay::ReplayArgs>),
    /// Recompute from the log and compare with a store
    Verify(Box<verify::VerifyArgs>),
    /// Candles from a store
    Candles(candles::Args),
    /// Indicators from a store
    Indicators(indicators::Args),
    /// A store in the terminal, live: watch list, chart, how far it is complete
    Top(top::Args),
    /// Show the frontier, unread and waiting records, and who holds the frontier back
    Status(status::Args),
    /// List the checkpoints of a store, or drop one
    Checkpoint(checkpoint::Args),
    /// Who promises in a log; retire one that is gone
    Source(source::Args),
    /// The directory of all symbols that Finnhub lists
    Symbols(symbols::Args),
    /// What was refused: the records of a store's table `rejected`
    Rejected(rejected::Args),
    /// The page and the HTTP API over a store
    Dashboard(dashboard::DashboardArgs),
    /// What a shell needs to complete commands and options
    Completions(completions::Args),
    /// Manual pages
    Man(man::Args),
}

impl Cli {
    /// Runs the command to its end.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command.unwrap_or_else(|| Command::Demo(demo::DemoArgs::default())) {
            Command::Demo(args) => demo::run(&args),
            Command::Simulate(args) => super::simulate::run(&args),
            Command::Ingest(args) => ingest::run(&args),
            Command::Import(args) => import::run(&args),
            Command::Setup(args) => setup::run(&args),
            Command::Work(args) => work::run(&args),
            Command::Replay(args) => replay::run(&args),
            Command::Verify(args) => verify::run(&args),
            Command::Candles(args) => candles::run(&args),
            Command::Indicators(args) => indicators::run(&args),
            Command::Top(args) => top::run(&args),
            Command::Status(args) => status::run(&args),
            Command::Checkpoint(args) => checkpoint::run(&args),
            Command::Source(args) => source::run(&args),
            Command::Symbols(args) => symbols::run(&args),
            Command::Rejected(args) => rejected::run(&args),
            Command::Dashboard(args) => dashboard::run(&args),
            Command::Completions(args) => completions::run(&args, Self::command()),
            Command::Man(args) => man::run(&args, Self::command()),
        }
    }
}
