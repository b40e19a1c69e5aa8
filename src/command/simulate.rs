//! `tickline simulate`: a simulator of Finnhub, REST and WebSocket, with synthetic trades.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use simulator::fault::{self, Fault, Faults};
use simulator::rest_fault::{RestFault, RestFaults};
use simulator::universe::Universe;
use simulator::{SimulatorConfig, print, sent_trades, serve};

use super::options::listen::{LISTEN, listen_address};
use super::options::moment::Moment;
use crate::process::signals::interrupted;

/// Simulate Finnhub: REST and WebSocket with synthetic trades.
#[derive(clap::Args, Clone, Debug)]
pub struct SimulateArgs {
    /// Address to listen on; port 0 picks any free port
    #[arg(
        long,
        env = "TICKLINE_SIMULATE_LISTEN",
        value_name = LISTEN,
        default_value = "127.0.0.1:8765",
        value_parser = listen_address
    )]
    pub listen: SocketAddr,
    /// Seed of all trades
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Number of instruments; after the well-known names, synthetic ones follow
    #[arg(long, value_name = "N", default_value_t = Universe::NAMED)]
    pub instruments: usize,
    /// File with the only API token to accept [default: accept any]
    #[arg(long)]
    pub token_file: Option<std::path::PathBuf>,
    /// Maximum number of subscriptions on one connection
    #[arg(long, default_value_t = 50)]
    pub subscriptions_max: usize,
    /// Maximum number of REST calls per minute and API token
    #[arg(long, default_value_t = 60)]
    pub calls_per_minute_max: u32,
    /// A fault of the WebSocket feed.
    #[arg(long = "fault", help = format!("Inject a fault into the feed; repeatable: {}", fault::FORMS))]
    pub faults: Vec<Fault>,
    /// Inject a fault into REST calls: too-many=3, server-error=3, cut=3, forbidden, malformed; or change the symbol
    /// list of the exchange US: delisted=3, renamed=3
    #[arg(long = "rest-fault")]
    pub rest_faults: Vec<RestFault>,
    /// Multiplier of the number of trades
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub activity: u64,
    /// Record all sent trades in this file, each with its time
    #[arg(long, value_name = "FILE")]
    pub sent: Option<std::path::PathBuf>,
    /// Print N trades as JSON Lines and exit
    #[arg(long, value_name = "N")]
    pub print: Option<u64>,
    /// Time of the first printed trade: 2013-10-07T13:30:00Z, a date, seconds or milliseconds since 1970, "2h ago", now
    #[arg(long, default_value = "2024-01-02T14:30:00Z", requires = "print")]
    pub start: Moment,
}

/// Runs `tickline simulate` until it is interrupted or has printed everything.
pub fn run(args: &SimulateArgs) -> anyhow::Result<()> {
    if let Some(count) = args.print {
        let universe = Arc::new(Universe::new(args.instruments).busier(args.activity));
        let result = print::print(args.seed, &universe, args.start.0, count, &mut io::stdout().lock());
        return match result {
            // The reader has closed the pipe, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result.context("cannot write the trades to standard output"),
        };
    }
    tokio::runtime::Runtime::new().context("cannot start threads")?.block_on(serve_until_interrupted(config_of(args)?))
}

fn config_of(args: &SimulateArgs) -> anyhow::Result<SimulatorConfig> {
    let token = match &args.token_file {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the token file {}", path.display()))?;
            Some(text.trim().to_owned())
        }
        None => None,
    };
    let sent = match &args.sent {
        Some(path) => {
            let file =
                sent_trades::SentTrades::create(path).with_context(|| format!("cannot create {}", path.display()))?;
            Some(Arc::new(file))
        }
        None => None,
    };
    Ok(SimulatorConfig {
        listen: args.listen,
        seed: args.seed,
        symbols: args.instruments,
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
    let token = if config.token.is_some() { "..." } else { "any" };
    let simulator = serve(config).await?;
    let addr = simulator.addr();
    writeln!(
        io::stdout(),
        "simulating {symbols} instruments on ws://{addr}/ and http://{addr}/api/v1; to ingest its trades:\n    \
         FINNHUB_TOKEN={token} tickline ingest --url ws://{addr}/ --log dir:.tickline/log --source simulator \
         --symbols AAPL,BINANCE:BTCUSDT"
    )
    .context("standard output is closed")?;
    interrupted().await?;
    simulator.stop().await
}
