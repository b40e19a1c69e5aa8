//! `tickline ingest`: the feed's trades into a log, with promises, until it is interrupted.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use dataflows::progress::partition::SOURCE_BYTES_MAX;
use dataflows::symbols::symbol::Symbol;
use tokio::sync::watch;

use super::UsageError;
use super::options::duration::Duration;
use super::options::secret;
use crate::finnhub::config::{FINNHUB_URL, FeedConfig};
use crate::ingest::metrics::Meter;
use crate::ingest::state_file::StateFile;
use crate::ingest::watchlist::{Share, read_list, share_of};
use crate::ingest::{IngestConfig, ingest};
use crate::log::LogWriter;
use crate::log::address::LogAddress;
use crate::metrics;
use crate::process::signals::interrupted;
use crate::secret::percent_encode;
use crate::tls;

/// Partitions of a directory log that is made here.
const PARTITIONS: u32 = 4;
/// Between two lines that say how it goes.
const LINE_EVERY: std::time::Duration = std::time::Duration::from_secs(5);

/// Take the feed's trades into a log. The key comes from FINNHUB_TOKEN or --token-file.
#[derive(clap::Args, Clone, Debug)]
pub struct IngestArgs {
    /// The log to write to: dir:PATH, which is made when it is not there, or kafka://HOST:PORT/TOPIC
    #[arg(long, env = "TICKLINE_LOG", value_name = "LOG")]
    pub log: LogAddress,
    /// Symbols to ask for, with commas between them
    #[arg(long, value_delimiter = ',', required_unless_present = "watchlist", conflicts_with = "watchlist")]
    pub symbols: Vec<String>,
    /// File of symbols, one a line, or CSV with the symbols in its first column; - is standard input
    #[arg(long, env = "TICKLINE_WATCHLIST", value_name = "FILE")]
    pub watchlist: Option<PathBuf>,
    /// The source in whose name promises are made. Each ingest of a log needs one of its own, and keeps it
    #[arg(long, env = "TICKLINE_SOURCE")]
    pub source: String,
    /// The feed's WebSocket
    #[arg(long, env = "FINNHUB_URL", default_value = FINNHUB_URL)]
    pub url: String,
    /// File that holds the key
    #[arg(long, env = "TICKLINE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// File of certificates (PEM) to trust for wss, instead of the authorities that browsers know
    #[arg(long, env = "TICKLINE_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Take only this share of the symbols: 0/2 or 1/2 for one of two ingests
    #[arg(long, env = "TICKLINE_SHARD", value_name = "I/N", default_value_t = Share::WHOLE)]
    pub shard: Share,
    /// Symbols that the plan takes on one connection
    #[arg(long, env = "TICKLINE_SYMBOLS_MAX", default_value_t = 50)]
    pub symbols_max: usize,
    /// A trade that comes this much later than it happened is still on time
    #[arg(long, env = "TICKLINE_MAX_OUT_OF_ORDERNESS", default_value_t = Duration::from_ms(1_500))]
    pub max_out_of_orderness: Duration,
    /// A connection on which nothing comes for so long is dead
    #[arg(long, env = "TICKLINE_SILENCE_MAX", default_value_t = Duration::from_ms(150_000))]
    pub silence_max: Duration,
    /// Where it is kept how far things are, for the next start [default: .tickline/ingest/SOURCE.state]
    #[arg(long, env = "TICKLINE_STATE", value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Port of /metrics, /healthz and /readyz; 0 takes any free one
    #[arg(long, env = "TICKLINE_METRICS_PORT", value_name = "PORT")]
    pub metrics_port: Option<u16>,
    /// Address of that port
    #[arg(long, env = "TICKLINE_BIND", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub bind: IpAddr,
}

/// Runs `tickline ingest` until it is interrupted (SIGINT or SIGTERM).
pub fn run(args: &IngestArgs) -> anyhow::Result<()> {
    let config = config_of(args)?;
    let writer = open(&args.log)?;
    let listen = args.metrics_port.map(|port| SocketAddr::new(args.bind, port));
    let runtime = tokio::runtime::Runtime::new().context("the system refused threads")?;
    let outcome = runtime.block_on(async {
        let _server = match listen {
            Some(listen) => {
                let server = metrics::serve(listen, Arc::new(config.meter.clone())).await?;
                println!("metrics: http://{}/metrics", server.addr());
                Some(server)
            }
            None => None,
        };
        let (count, source) = (config.feed.symbols.len(), &config.source);
        println!("ingesting {count} symbols as {source:?} into {} (end with Ctrl-C)", args.log);
        until_interrupted(config, writer).await
    });
    // After a second interrupt the log's thread may still be waiting; nobody waits for it.
    runtime.shutdown_background();
    outcome
}

async fn until_interrupted(config: IngestConfig, writer: Box<dyn LogWriter>) -> anyhow::Result<()> {
    let lines = tokio::spawn(say_how_it_goes(config.meter.clone()));
    let (stop, stopping) = watch::channel(false);
    let mut running = tokio::spawn(ingest(config, writer, stopping));
    let report = tokio::select! {
        ended = &mut running => ended,
        signal = interrupted() => {
            signal?;
            // The receiver is gone when the ingest has just ended by itself.
            let _ = stop.send(true);
            eprintln!("ingest: waiting for the log to take everything; interrupt again to leave it");
            tokio::select! {
                ended = &mut running => ended,
                signal = interrupted() => {
                    signal?;
                    bail!("left before the log had taken everything: the next start of this source tells the gap");
                }
            }
        }
    };
    lines.abort();
    let report = report.context("the ingest's task ended badly")??;
    println!(
        "{} trades in {} frames, {} refused, {} records lost, {} gaps, {} connections, {} complaints",
        report.trades, report.frames, report.rejected, report.lost, report.gaps, report.connections, report.complaints
    );
    Ok(())
}

/// A line to standard error every few seconds.
async fn say_how_it_goes(meter: Meter) {
    let mut every = tokio::time::interval(LINE_EVERY);
    every.tick().await;
    let mut before = 0;
    loop {
        every.tick().await;
        let trades = meter.trades.get();
        let rate = (trades - before) / LINE_EVERY.as_secs();
        before = trades;
        let feed = if meter.connected.get() == 1 { "connected" } else { "away" };
        eprintln!(
            "ingest: {trades} trades, {rate}/s, feed {feed}, {} refused, {} records lost, {} gaps",
            meter.rejected.get(),
            meter.lost.get(),
            meter.gaps()
        );
    }
}

fn config_of(args: &IngestArgs) -> anyhow::Result<IngestConfig> {
    if args.source.is_empty() || args.source.len() > SOURCE_BYTES_MAX {
        return Err(UsageError(format!("--source is a name of 1 to {SOURCE_BYTES_MAX} bytes")).into());
    }
    check_url("--url", &args.url)?;
    let symbols = match &args.watchlist {
        Some(path) => read_watchlist(path)?,
        None => read_list(&args.symbols.join("\n")).map_err(|why| UsageError(format!("--symbols: {why}")))?,
    };
    let symbols = share_of(&symbols, args.shard, args.symbols_max).map_err(UsageError)?;
    let mut feed = FeedConfig::new(args.url.clone(), secret::read(args.token_file.as_deref())?, symbols);
    feed.silence_max = args.silence_max.std();
    feed.tls = args.ca.as_deref().map(tls::trusting).transpose().map_err(|error| UsageError(error.to_string()))?;
    let state = args.state.clone().unwrap_or_else(|| default_state(&args.source));
    let mut config = IngestConfig::new(feed, args.source.clone());
    config.max_out_of_orderness_ms = args.max_out_of_orderness.ms();
    config.state = Some(StateFile::new(state, args.source.clone()));
    Ok(config)
}

/// An address that the feed can be had from: a WebSocket, without the key in it.
pub fn check_url(name: &str, url: &str) -> Result<(), UsageError> {
    secret::keep_out_of(name, url)?;
    if ["ws://", "wss://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Ok(());
    }
    Err(UsageError(format!("{name} {url:?} is no WebSocket: write {FINNHUB_URL}, or ws://HOST:PORT/ for a simulator")))
}

fn default_state(source: &str) -> PathBuf {
    // A source may be called anything; a file may not.
    Path::new(".tickline/ingest").join(format!("{}.state", percent_encode(source)))
}

/// Reads a list of symbols from a file, or from standard input.
pub fn read_watchlist(path: &Path) -> Result<Vec<Symbol>, UsageError> {
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| UsageError(format!("the watch list {} cannot be read: {error}", path.display())))?;
    read_list(&text).map_err(|why| UsageError(format!("the watch list {}, {why}", path.display())))
}

fn open(log: &LogAddress) -> anyhow::Result<Box<dyn LogWriter>> {
    if matches!(log, LogAddress::Dir(_)) {
        log.open_or_create(None, PARTITIONS)?;
    }
    Ok(log.open_writer()?)
}
