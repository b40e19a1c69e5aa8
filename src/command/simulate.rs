//! `tickline simulate`: the stand-in for Finnhub, on the command line.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use simulator::fault::{self, Fault, Faults};
use simulator::rest_fault::{RestFault, RestFaults};
use simulator::universe::Universe;
use simulator::{SimulatorConfig, print, sent_trades, serve};

use crate::process::signals::interrupted;

/// A stand-in for Finnhub: REST and WebSocket with made-up trades.
#[derive(clap::Args, Clone, Debug)]
pub struct SimulateArgs {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8765", env = "TICKLINE_SIMULATE_LISTEN")]
    pub listen: SocketAddr,
    /// What decides all trades
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Number of instruments; those past the named ones are made up
    #[arg(long, default_value_t = Universe::NAMED)]
    pub symbols: usize,
    /// File that holds the one key to take; without it every key is taken
    #[arg(long)]
    pub token_file: Option<std::path::PathBuf>,
    /// Subscriptions that one connection may hold
    #[arg(long, default_value_t = 50)]
    pub subscriptions_max: usize,
    /// REST calls in a minute for each key
    #[arg(long, default_value_t = 60)]
    pub calls_per_minute_max: u32,
    /// What goes wrong.
    #[arg(long = "fault", help = format!("What goes wrong: {}", fault::FORMS))]
    pub faults: Vec<Fault>,
    /// What goes wrong with REST calls: too-many=3, server-error=3, cut=3, forbidden, malformed; and what happens to
    /// the list of the United States: delisted=3, renamed=3
    #[arg(long = "rest-fault")]
    pub rest_faults: Vec<RestFault>,
    /// How many times busier than usual the instruments are
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub activity: u64,
    /// File to write down all trades that are sent, each with its time
    #[arg(long, value_name = "FILE")]
    pub sent: Option<std::path::PathBuf>,
    /// Write so many trades as JSON Lines to standard output instead of serving
    #[arg(long, value_name = "N")]
    pub print: Option<u64>,
    /// Time of the first trade that is printed
    #[arg(long, default_value = "2024-01-02T14:30:00Z", requires = "print")]
    pub start: jiff::Timestamp,
}

/// Runs `tickline simulate` until it is interrupted, or until everything is printed.
pub fn run(args: &SimulateArgs) -> anyhow::Result<()> {
    if let Some(count) = args.print {
        let start_ms =
            u64::try_from(args.start.as_millisecond()).context("--start lies before 1970: choose a later one")?;
        let universe = Arc::new(Universe::new(args.symbols).busier(args.activity));
        let result = print::print(args.seed, &universe, start_ms, count, &mut io::stdout().lock());
        return match result {
            // Whoever reads has enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result.context("the trades cannot be written to standard output"),
        };
    }
    tokio::runtime::Runtime::new()
        .context("the system refused threads")?
        .block_on(serve_until_interrupted(config_of(args)?))
}

fn config_of(args: &SimulateArgs) -> anyhow::Result<SimulatorConfig> {
    let token = match &args.token_file {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("the key file {} cannot be read", path.display()))?;
            Some(text.trim().to_owned())
        }
        None => None,
    };
    let sent = match &args.sent {
        Some(path) => {
            let file =
                sent_trades::SentTrades::create(path).with_context(|| format!("{} cannot be made", path.display()))?;
            Some(Arc::new(file))
        }
        None => None,
    };
    Ok(SimulatorConfig {
        listen: args.listen,
        seed: args.seed,
        symbols: args.symbols,
        token,
        subscriptions_max: args.subscriptions_max,
        calls_per_minute_max: args.calls_per_minute_max,
        faults: Faults::of(&args.faults),
        rest_faults: RestFaults::of(&args.rest_faults),
        activity: args.activity,
        sent_trades: sent,
        ..SimulatorConfig::default()
    })
}

async fn serve_until_interrupted(config: SimulatorConfig) -> anyhow::Result<()> {
    let symbols = config.symbols;
    let simulator = serve(config).await?;
    let addr = simulator.addr();
    writeln!(io::stdout(), "simulating {symbols} instruments on ws://{addr}/?token=KEY and http://{addr}/api/v1")
        .context("standard output is closed")?;
    interrupted().await?;
    simulator.stop().await
}
