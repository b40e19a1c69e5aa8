//! `tickline demo`: the whole pipeline in one process, on the embedded log and store.
//!
//! Simulator -> feed client -> log directory -> dataflow -> SQLite -> live page: the same parts that run apart in
//! production, joined here by loopback sockets and files only.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context;
use dataflows::conditions::{BUILT_IN, ConditionTable};
use dataflows::settings::Settings;
use tokio::sync::watch;

use super::common::Duration;
use super::dashboard::interrupted;
use crate::dashboard::{DashboardConfig, serve};
use crate::finnhub::feed::FeedConfig;
use crate::finnhub::secret::Secret;
use crate::ingest::{IngestConfig, ingest};
use crate::log::address::LogAddress;
use crate::simulate::{self, SimulatorConfig};
use crate::store::address::StoreAddress;
use crate::timestamp::rfc3339;
use crate::worker::{self, Watch, WorkerConfig};

/// Partitions of a log that the demo makes.
const PARTITIONS: u32 = 4;

/// Runs everything in one process.
#[derive(clap::Args, Clone, Debug)]
pub struct DemoArgs {
    /// Where log and store are kept
    #[arg(long, env = "TICKLINE_DATA", default_value = ".tickline")]
    pub data: PathBuf,
    /// Worker threads
    #[arg(long, env = "TICKLINE_WORKERS", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: u16,
    /// End after so long; without it, run until interrupted
    #[arg(long = "for", value_name = "DURATION")]
    pub run_for: Option<Duration>,
    /// Port of the page; 0 takes any free one
    #[arg(long, env = "TICKLINE_PORT", default_value_t = 8080)]
    pub port: u16,
    /// Number of instruments that trade
    #[arg(long, default_value_t = 50)]
    pub symbols: usize,
    /// What decides the simulator's trades
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Default for DemoArgs {
    fn default() -> Self {
        Self { data: PathBuf::from(".tickline"), workers: 2, run_for: None, port: 8080, symbols: 50, seed: 1 }
    }
}

/// Runs `tickline demo`.
pub fn run(args: &DemoArgs) -> anyhow::Result<()> {
    std::fs::create_dir_all(&args.data)
        .with_context(|| format!("{} cannot be made: choose another place with --data", args.data.display()))?;
    let log_address = LogAddress::Dir(args.data.join("log"));
    let store_address = StoreAddress::Sqlite(args.data.join("tickline.db"));
    let log = if log_address.exists()? { log_address.open()? } else { log_address.create(PARTITIONS)? };
    // Both locks are taken before anything runs: a second demo on the same data ends here.
    let writer = log_address.open_writer()?;
    let store = store_address.open_writer()?;
    let settings = Settings::new(ConditionTable::from_toml(BUILT_IN)?);
    let watch = Arc::new(Watch::default());
    let for_worker = Arc::clone(&watch);
    let config = WorkerConfig::new(usize::from(args.workers), settings);
    let worker = std::thread::spawn(move || worker::run(config, Arc::from(log), store, None, for_worker));
    let runtime = tokio::runtime::Runtime::new().context("the system refused threads")?;
    let outcome = runtime.block_on(feed_and_show(args, writer, &store_address, &watch));
    watch.stop.store(true, Ordering::SeqCst);
    worker.join().map_err(|_| anyhow::anyhow!("the worker failed"))?.context("the demo's worker ends")?;
    outcome?;
    println!("complete up to {}; the rows are in {store_address}", rfc3339(watch.frontier.load(Ordering::SeqCst)));
    Ok(())
}

async fn feed_and_show(
    args: &DemoArgs,
    writer: Box<dyn crate::log::LogWriter>,
    store: &StoreAddress,
    worker: &Watch,
) -> anyhow::Result<()> {
    let simulated = SimulatorConfig {
        seed: args.seed,
        symbols: args.symbols,
        subscriptions_max: args.symbols,
        ..SimulatorConfig::default()
    };
    let simulator = simulate::serve(simulated).await?;
    let symbols = simulate::universe::Universe::new(args.symbols).symbols();
    let feed = FeedConfig::new(format!("ws://{}/", simulator.addr()), Secret::new("demo"), symbols);
    let (stop, stopping) = watch::channel(false);
    let ingest = tokio::spawn(ingest(IngestConfig::new(feed, "demo".into()), writer, stopping));
    let config =
        DashboardConfig { bind: IpAddr::V4(Ipv4Addr::LOCALHOST), port: args.port, ..DashboardConfig::default() };
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
    };
    // The receiver is gone when the ingest has ended by itself; its own result says why.
    let _ = stop.send(true);
    let report = ingest.await.context("the ingest's task ended badly")?.context("the demo's ingest ends")?;
    dashboard.stop().await;
    simulator.stop().await?;
    println!("{} trades taken in {} frames", report.trades, report.frames);
    outcome
}
