//! `tickline ingest`: writes the feed's trades and progress into a log, until it is interrupted.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use dataflows::symbols::symbol::Symbol;
use openssl::ssl::SslConnectorBuilder;
use tokio::sync::watch;

use super::UsageError;
use super::options::duration::Duration;
use super::options::listen::{LISTEN, listen_address};
use super::options::secret;
use super::options::source::source_name;
use crate::finnhub::config::{FINNHUB_URL, FeedConfig};
use crate::ingest::metrics::{Meter, Withheld};
use crate::ingest::state_file::StateFile;
use crate::ingest::watchlist::{Share, read_list, share_of};
use crate::ingest::{IngestConfig, ingest};
use crate::log::LogWriter;
use crate::log::address::LogAddress;
use crate::metrics;
use crate::process::messages::note;
use crate::process::signals::interrupted;
use crate::secret::percent_encode;
use crate::tls;

/// Partitions of a new directory log.
const PARTITIONS: u32 = 4;
/// Minimum liveness timeout: a feed far away needs some hundred milliseconds to answer a ping.
const LIVENESS_TIMEOUT_MIN_MS: u64 = 1_000;
/// Interval of status lines.
const LINE_EVERY: std::time::Duration = std::time::Duration::from_secs(5);

/// Ingest trades from the feed into a log. The API token comes from FINNHUB_TOKEN or --token-file.
#[derive(clap::Args, Clone, Debug)]
pub struct IngestArgs {
    /// The log to write to: dir:PATH (created if it does not exist) or kafka://HOST:PORT/TOPIC
    #[arg(long, env = "TICKLINE_LOG", value_name = "LOG")]
    pub log: LogAddress,
    /// Symbols to subscribe to, separated by commas
    #[arg(long, value_delimiter = ',', required_unless_present = "watchlist", conflicts_with = "watchlist")]
    pub symbols: Vec<String>,
    /// File of symbols to subscribe to: one per line, or CSV with symbols in its first column; - reads standard input
    #[arg(long, env = "TICKLINE_WATCHLIST", value_name = "FILE")]
    pub watchlist: Option<PathBuf>,
    /// Name of this source in the log. Each ingest of a log needs its own, and must keep it across restarts
    #[arg(long, env = "TICKLINE_SOURCE", value_parser = source_name)]
    pub source: String,
    /// WebSocket URL of the feed
    #[arg(long, env = "FINNHUB_URL", default_value = FINNHUB_URL)]
    pub url: String,
    /// File with the API token
    #[arg(long, env = "TICKLINE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// File of CA certificates (PEM) to trust for wss, instead of this machine's
    #[arg(long, env = "TICKLINE_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Share of the symbols that this ingest subscribes to: 0/2 and 1/2 for two ingests
    #[arg(long, env = "TICKLINE_SHARE", value_name = "I/N", default_value_t = Share::WHOLE)]
    pub share: Share,
    /// Maximum number of symbols on one connection, as the feed's plan allows
    #[arg(long, env = "TICKLINE_SYMBOLS_MAX", default_value_t = 50)]
    pub symbols_max: usize,
    /// How late a trade may arrive and still be on time: progress follows the last sign of life at this distance
    #[arg(long, env = "TICKLINE_INGEST_MAX_OUT_OF_ORDERNESS", default_value_t = Duration::from_ms(1_500))]
    pub max_out_of_orderness: Duration,
    /// Reconnect after this long without a sign of life from the feed, at least 1s: it is pinged each second
    #[arg(long, env = "TICKLINE_LIVENESS_TIMEOUT", default_value_t = Duration::from_ms(10_000))]
    pub liveness_timeout: Duration,
    /// State file: the progress that a restart continues from [default: .tickline/ingest/SOURCE.state]
    #[arg(long, env = "TICKLINE_STATE", value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Serve /metrics, /healthz and /readyz on this address; port 0 picks any free port
    #[arg(long, env = "TICKLINE_INGEST_LISTEN", value_name = LISTEN, value_parser = listen_address)]
    pub listen: Option<SocketAddr>,
}

/// Runs `tickline ingest` until it is interrupted (SIGINT or SIGTERM).
pub fn run(args: &IngestArgs) -> anyhow::Result<()> {
    let config = config_of(args)?;
    let writer = open(&args.log)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
    let outcome = runtime.block_on(async {
        let _server = match args.listen {
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
    // After a second interrupt the log's thread may still be waiting; do not wait for it.
    runtime.shutdown_background();
    outcome
}

async fn until_interrupted(config: IngestConfig, writer: Box<dyn LogWriter>) -> anyhow::Result<()> {
    let lines = tokio::spawn(log_status(config.meter.clone()));
    let (stop, stopping) = watch::channel(false);
    let mut running = tokio::spawn(ingest(config, writer, stopping));
    let report = tokio::select! {
        ended = &mut running => ended,
        signal = interrupted() => {
            signal?;
            // The receiver is gone when the ingest has just ended by itself.
            let _ = stop.send(true);
            note(format_args!("ingest: waiting for the log to acknowledge everything; interrupt again to exit now"));
            tokio::select! {
                ended = &mut running => ended,
                signal = interrupted() => {
                    signal?;
                    bail!("ended before the log acknowledged all records: the next start reports the gap");
                }
            }
        }
    };
    lines.abort();
    let report = report.context("the ingest task failed")??;
    println!(
        "{} trades in {} frames, {} rejected, {} records lost, {} gaps, {} connections, {} complaints",
        report.trades, report.frames, report.rejected, report.lost, report.gaps, report.connections, report.complaints
    );
    Ok(())
}

/// Writes a status line to standard error every few seconds.
async fn log_status(meter: Meter) {
    let mut every = tokio::time::interval(LINE_EVERY);
    every.tick().await;
    let mut before = 0;
    loop {
        every.tick().await;
        let trades = meter.trades.get();
        let rate = (trades - before) / LINE_EVERY.as_secs();
        before = trades;
        let feed = if meter.connected.get() == 1 { "connected" } else { "disconnected" };
        let withheld = if Withheld::ALL.into_iter().any(|reason| meter.is_withheld(reason)) {
            let reasons = Withheld::ALL.into_iter().filter(|reason| meter.is_withheld(*reason)).map(Withheld::name);
            format!(", progress withheld ({})", reasons.collect::<Vec<_>>().join(", "))
        } else {
            String::new()
        };
        note(format_args!(
            "ingest: {trades} trades, {rate}/s, feed {feed}{withheld}, {} rejected, {} records lost, {} gaps",
            meter.rejected.get(),
            meter.lost.get(),
            meter.gaps()
        ));
    }
}

fn config_of(args: &IngestArgs) -> anyhow::Result<IngestConfig> {
    check_url("--url", &args.url)?;
    let symbols = match &args.watchlist {
        Some(path) => read_watchlist(path)?,
        None => read_list(&args.symbols.join("\n")).map_err(|why| UsageError(format!("--symbols: {why}")))?,
    };
    let symbols = share_of(&symbols, args.share, args.symbols_max).map_err(UsageError)?;
    let mut feed = FeedConfig::new(args.url.clone(), secret::read(args.token_file.as_deref())?, symbols);
    if args.liveness_timeout.ms() < LIVENESS_TIMEOUT_MIN_MS {
        let least = Duration::from_ms(LIVENESS_TIMEOUT_MIN_MS);
        return Err(UsageError(format!("invalid --liveness-timeout: expected at least {least}")).into());
    }
    feed.liveness_timeout = args.liveness_timeout.std();
    let tls = args.ca.as_deref().map(tls::trusting).transpose().map_err(|error| UsageError(error.to_string()))?;
    feed.tls = tls.map(SslConnectorBuilder::build);
    let state = args.state.clone().unwrap_or_else(|| default_state(&args.source));
    let mut config = IngestConfig::new(feed, args.source.clone());
    config.max_out_of_orderness_ms = args.max_out_of_orderness.ms();
    config.log = Some(args.log.clone());
    config.state = Some(StateFile::new(state, args.source.clone()));
    Ok(config)
}

/// Checks that a URL is a WebSocket URL without an API token in it.
pub fn check_url(name: &str, url: &str) -> Result<(), UsageError> {
    secret::keep_out_of(name, url)?;
    if ["ws://", "wss://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Ok(());
    }
    Err(UsageError(format!(
        "invalid {name} {url:?}: expected a WebSocket URL, e.g. {FINNHUB_URL}, or ws://HOST:PORT/ of a simulator"
    )))
}

fn default_state(source: &str) -> PathBuf {
    // A source name may contain any character; a file name may not.
    Path::new(".tickline/ingest").join(format!("{}.state", percent_encode(source)))
}

/// A list of symbols from a file, or from standard input.
pub fn read_watchlist(path: &Path) -> Result<Vec<Symbol>, UsageError> {
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| UsageError(format!("cannot read the watch list {}: {error}", path.display())))?;
    read_list(&text).map_err(|why| UsageError(format!("the watch list {}, {why}", path.display())))
}

fn open(log: &LogAddress) -> anyhow::Result<Box<dyn LogWriter>> {
    if matches!(log, LogAddress::Dir(_)) {
        log.open_or_create(None, PARTITIONS)?;
    }
    Ok(log.open_writer()?)
}
