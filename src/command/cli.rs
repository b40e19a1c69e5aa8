//! The command line: one binary, one command per role.

use clap::{CommandFactory as _, Parser, Subcommand};

use super::{
    bench, calendar, candles, checkpoint, completions, dashboard, demo, explain, gaps, import, indicators, ingest, man,
    pace, play, rejected, replay, setup, source, status, symbols, top, verify, work,
};

/// Real-time market data with an exact answer to: is this complete?
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 success, 1 failure, 2 usage or configuration, 3 data lost or corrupt, 4 fenced by a \
    newer epoch, 5 peer lost.\nEvery option with [env: ...] can also be set in tickline.toml."
)]
pub struct Cli {
    /// Command to run; the demo by default.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Run the whole pipeline in one process: simulator, log, dataflow, SQLite, live page (the default)
    Demo(demo::DemoArgs),
    /// Simulate Finnhub: REST and WebSocket with synthetic trades
    Simulate(super::simulate::SimulateArgs),
    /// Ingest trades from the feed into the log
    Ingest(Box<ingest::IngestArgs>),
    /// Import trades from files into a log
    Import(import::Args),
    /// Create topics, log directories and tables, or verify existing ones
    Setup(setup::SetupArgs),
    /// Watch a log of other producers, and write how far it is complete into a progress log
    Pace(pace::PaceArgs),
    /// Run the dataflow: compute rows from the log and write them to the store
    Work(Box<work::WorkArgs>),
    /// Replay the log and print the digests
    Replay(Box<replay::ReplayArgs>),
    /// Play a log at a chosen speed, with the live page over it: pause, step, change the speed
    Play(Box<play::PlayArgs>),
    /// Replay the log and compare the result with a store
    Verify(Box<verify::VerifyArgs>),
    /// Explain a candle: the records that made it, those left out and why, and whether the stored row is right
    Explain(Box<explain::ExplainArgs>),
    /// Show candles from a store
    Candles(candles::Args),
    /// Show indicators from a store
    Indicators(indicators::Args),
    /// Show gaps in the feed, as its sources report them
    Gaps(gaps::Args),
    /// Watch a store live in the terminal: watch list, chart, frontier
    Top(top::Args),
    /// Show the frontier, unread and waiting records, and what holds the frontier back
    Status(status::Args),
    /// List the live sources of a log, or retire a dead one
    Source(source::Args),
    /// Sync, list and search the symbols that Finnhub lists
    Symbols(symbols::Args),
    /// List or export rejected records
    Rejected(rejected::Args),
    /// List the checkpoints of a store, or drop one
    Checkpoint(checkpoint::Args),
    /// Show trading days and sessions of markets, from calendars
    Calendar(calendar::Args),
    /// Measure how fast this machine replays feeds of known shapes, or a log
    Bench(bench::BenchArgs),
    /// Serve the live page and the HTTP API over a store
    Dashboard(dashboard::DashboardArgs),
    /// Generate shell completions
    Completions(completions::Args),
    /// Write manual pages
    Man(man::Args),
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command.unwrap_or_else(|| Command::Demo(demo::DemoArgs::default())) {
            Command::Demo(args) => demo::run(&args),
            Command::Simulate(args) => super::simulate::run(&args),
            Command::Ingest(args) => ingest::run(&args),
            Command::Import(args) => import::run(&args),
            Command::Setup(args) => setup::run(&args),
            Command::Pace(args) => pace::run(&args),
            Command::Work(args) => work::run(&args),
            Command::Replay(args) => replay::run(&args),
            Command::Play(args) => play::run(&args),
            Command::Verify(args) => verify::run(&args),
            Command::Explain(args) => explain::run(&args),
            Command::Candles(args) => candles::run(&args),
            Command::Indicators(args) => indicators::run(&args),
            Command::Gaps(args) => gaps::run(&args),
            Command::Top(args) => top::run(&args),
            Command::Status(args) => status::run(&args),
            Command::Checkpoint(args) => checkpoint::run(&args),
            Command::Source(args) => source::run(&args),
            Command::Symbols(args) => symbols::run(&args),
            Command::Rejected(args) => rejected::run(&args),
            Command::Calendar(args) => calendar::run(&args),
            Command::Bench(args) => bench::run(&args),
            Command::Dashboard(args) => dashboard::run(&args),
            Command::Completions(args) => completions::run(&args, Self::command()),
            Command::Man(args) => man::run(&args, Self::command()),
        }
    }
}
