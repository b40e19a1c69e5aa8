//! `tickline demo`: the whole pipeline in one process, on the embedded log and store.
//!
//! Feed -> log directory -> dataflow -> SQLite -> live page: the same parts that run apart elsewhere, joined here by
//! loopback sockets and files. The feed is the simulator; with FINNHUB_TOKEN set it is Finnhub (or the feed at
//! FINNHUB_URL), with a data directory of its own, so that simulated trades never mix with real ones.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context;
use dataflows::log::conditions::{BUILT_IN, ConditionTable};
use dataflows::settings::Settings;
use simulator::{Simulator, SimulatorConfig};
use tokio::sync::watch;

use super::ingest::{check_url, read_watchlist};
use super::options::duration::Duration;
use super::options::secret;
use super::options::workers::{WORKERS, workers};
use crate::dashboard::{DashboardConfig, serve};
use crate::finnhub::config::{FINNHUB_URL, FeedConfig};
use crate::finnhub::default_symbols::POPULAR;
use crate::ingest::state_file::StateFile;
use crate::ingest::{IngestConfig, ingest};
use crate::log::address::LogAddress;
use crate::process::signals::interrupted;
use crate::replay::Origin;
use crate::secret::Secret;
use crate::store::address::StoreAddress;
use crate::worker::{self, Watch, WorkerConfig};

/// Partitions of a new log.
const PARTITIONS: u32 = 4;

/// Run the whole pipeline in one process.
#[derive(clap::Args, Clone, Debug)]
pub struct DemoArgs {
    /// Directory of log and store
    #[arg(long, env = "TICKLINE_DATA", default_value = ".tickline")]
    pub data: PathBuf,
    /// Worker threads
    #[arg(long, env = "TICKLINE_WORKERS", default_value_t = WORKERS, value_parser = workers())]
    pub workers: u16,
    /// Stop after this long [default: run until interrupted]
    #[arg(long = "for", value_name = "DURATION")]
    pub run_for: Option<Duration>,
    /// Port of the live page on this machine; 0 picks any free port
    #[arg(long, env = "TICKLINE_PORT", default_value_t = 8080)]
    pub port: u16,
    /// Number of instruments
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub instruments: usize,
    /// With FINNHUB_TOKEN set: file of symbols to subscribe to, instead of well-known ones
    #[arg(long, env = "TICKLINE_WATCHLIST", value_name = "FILE")]
    pub watchlist: Option<PathBuf>,
    /// With FINNHUB_TOKEN set: WebSocket URL of the feed
    #[arg(long, env = "FINNHUB_URL", default_value = FINNHUB_URL)]
    pub url: String,
    /// Leave out a trade with the id of an earlier one of its symbol
    #[arg(long, env = "TICKLINE_DEDUP")]
    pub dedup: bool,
    /// Seed of the simulated trades
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Default for DemoArgs {
    fn default() -> Self {
        Self {
            data: PathBuf::from(".tickline"),
            workers: WORKERS,
            run_for: None,
            port: 8080,
            instruments: 50,
            watchlist: None,
            url: FINNHUB_URL.to_owned(),
            dedup: false,
            seed: 1,
        }
    }
}

/// Runs `tickline demo`.
pub fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let token = secret::from_environment();
    let data = if token.is_some() { args.data.join("finnhub") } else { args.data.clone() };
    std::fs::create_dir_all(&data)
        .with_context(|| format!("cannot create {}: choose another directory with --data", data.display()))?;
    let log_address = LogAddress::Dir(data.join("log"));
    let store_address = StoreAddress::Sqlite(data.join("tickline.db"));
    let log = log_address.open_or_create(None, PARTITIONS)?;
    // Both locks are acquired before anything runs: a second demo on the same data ends here.
    let writer = log_address.open_writer()?;
    let store = store_address.open_writer()?;
    let settings = Settings { dedup: args.dedup, ..Settings::new(ConditionTable::from_toml(BUILT_IN)?) };
    let watch = Arc::new(Watch::default());
    let for_worker = Arc::clone(&watch);
    let log_of_rows = log_address.clone();
    let open = move || Ok(log_of_rows.open()?);
    let origin = Origin::new(settings.clone(), usize::from(args.workers), open);
    let config = WorkerConfig::new(usize::from(args.workers), settings);
    let worker = std::thread::spawn(move || worker::run(config, Arc::from(log), store, None, for_worker));
    let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
    let outcome = runtime.block_on(async {
        let (mut config, simulator) = match token {
            Some(token) => (IngestConfig::new(real_feed(args, token)?, "finnhub".into()), None),
            None => {
                let (feed, simulator) = simulated_feed(args).await?;
                (IngestConfig::new(feed, "demo".into()), Some(simulator))
            }
        };
        config.state = Some(StateFile::new(data.join("ingest.state"), config.source.clone()));
        feed_and_show(args, config, writer, (&store_address, origin), &watch).await?;
        match simulator {
            Some(simulator) => simulator.stop().await,
            None => Ok(()),
        }
    });
    watch.stop.store(true, Ordering::SeqCst);
    worker.join().map_err(|_| anyhow::anyhow!("the worker failed"))?.context("the demo's worker failed")?;
    outcome?;
    let frontier = watch.complete_up_to();
    println!("{frontier}; the rows are in {store_address}");
    Ok(())
}

fn real_feed(args: &DemoArgs, token: Secret) -> anyhow::Result<FeedConfig> {
    check_url("FINNHUB_URL", &args.url)?;
    let symbols: Vec<String> = match &args.watchlist {
        Some(path) => read_watchlist(path)?.iter().map(|symbol| symbol.as_str().to_owned()).collect(),
        None => POPULAR.iter().map(|symbol| (*symbol).to_owned()).collect(),
    };
    let symbols: Vec<String> = symbols.into_iter().take(args.instruments).collect();
    println!("feed: {} symbols from {}", symbols.len(), args.url);
    Ok(FeedConfig::new(args.url.clone(), token, symbols))
}

async fn simulated_feed(args: &DemoArgs) -> anyhow::Result<(FeedConfig, Simulator)> {
    let simulated = SimulatorConfig {
        seed: args.seed,
        symbols: args.instruments,
        subscriptions_max: args.instruments,
        ..SimulatorConfig::default()
    };
    let simulator = simulator::serve(simulated).await?;
    let symbols = simulator::universe::Universe::new(args.instruments).symbols();
    Ok((FeedConfig::new(simulator.url(), Secret::new("demo"), symbols), simulator))
}

async fn feed_and_show(
    args: &DemoArgs,
    ingest_config: IngestConfig,
    writer: Box<dyn crate::log::LogWriter>,
    (store, origin): (&StoreAddress, Origin),
    worker: &Watch,
) -> anyhow::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let mut ingest = tokio::spawn(ingest(ingest_config, writer, stopping));
    let mut ingested = None;
    let (bind, port, origin) = (IpAddr::V4(Ipv4Addr::LOCALHOST), args.port, Some(origin));
    let config = DashboardConfig { bind, port, origin, ..DashboardConfig::default() };
    let address = store.clone();
    let dashboard = serve(config, move || address.open_reader()).await?;
    println!("live page: http://{}/ (end with Ctrl-C)", dashboard.addr());
    let ended = async {
        match args.run_for {
            Some(run_for) => {
                tokio::time::sleep(run_for.std()).await;
                Ok(())
            }
            None => interrupted().await,
        }
    };
    let worker_ended = async {
        while !worker.stop.load(Ordering::SeqCst) {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let outcome = tokio::select! {
        ended = ended => ended,
        () = worker_ended => Ok(()),
        // Only an error ends it, such as a rejected API token; it is returned below.
        result = &mut ingest => {
            ingested = Some(result);
            Ok(())
        }
    };
    // The receiver is gone when the ingest has ended by itself; its result has the reason.
    let _ = stop.send(true);
    let ingested = match ingested {
        Some(result) => result,
        None => ingest.await,
    };
    let report = ingested.context("the ingest task failed")?.context("the demo's ingest failed")?;
    dashboard.stop().await;
    println!("{} trades received in {} frames", report.trades, report.frames);
    outcome
}
