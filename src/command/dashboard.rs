//! `tickline dashboard`: live page and HTTP API over a store.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use dataflows::progress::time::ALLOWED_LATENESS_MS;

use super::UsageError;
use super::options::duration::Duration;
use super::options::listen::{LISTEN, listen_address};
use super::options::rows::SettingsArgs;
use super::options::secret;
use super::options::workers::{WORKERS, workers};
use crate::dashboard::{DashboardConfig, serve};
use crate::log::address::LogAddress;
use crate::process::signals::interrupted;
use crate::store::StoreError;
use crate::store::address::StoreAddress;

/// Serve the live page and the HTTP API over a store.
#[derive(Clone, Debug, clap::Args)]
pub struct DashboardArgs {
    /// The store to read: sqlite:PATH or cassandra://HOST:PORT/KEYSPACE
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: StoreAddress,
    /// Address to listen on; port 0 picks any free port. Beyond this machine it needs a token
    #[arg(
        long,
        env = "TICKLINE_DASHBOARD_LISTEN",
        value_name = LISTEN,
        default_value = "127.0.0.1:8080",
        value_parser = listen_address
    )]
    pub listen: SocketAddr,
    /// File with the token that readers must present, as a bearer token or as the password of any user; also from
    /// TICKLINE_DASHBOARD_TOKEN
    #[arg(long, env = "TICKLINE_DASHBOARD_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Listen beyond this machine without a token
    #[arg(long)]
    pub insecure: bool,
    /// Another address for /metrics, /healthz and /readyz, without a token: it answers whatever viewers of the page do
    #[arg(
        long,
        env = "TICKLINE_DASHBOARD_METRICS_LISTEN",
        value_name = LISTEN,
        value_parser = listen_address
    )]
    pub metrics_listen: Option<SocketAddr>,
    /// The log that the store was made from: with it the page and the API show rows as of an earlier time, computed
    /// again where they have changed since. It needs the settings of `work`
    #[arg(long, env = "TICKLINE_LOG", value_name = "LOG")]
    pub log: Option<LogAddress>,
    /// With --log: worker threads of a computation
    #[arg(long, env = "TICKLINE_WORKERS", default_value_t = WORKERS, value_parser = workers())]
    pub workers: u16,
    /// How long to wait for the store to become available at startup
    #[arg(long, env = "TICKLINE_STORE_WAIT", default_value_t = Duration::from_ms(0))]
    pub store_wait: Duration,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub settings: SettingsArgs,
}

/// Pause between attempts to open the store at startup.
const RETRY: std::time::Duration = std::time::Duration::from_secs(1);

/// Environment variable of the readers' token.
pub const TOKEN: &str = "TICKLINE_DASHBOARD_TOKEN";

/// Runs `tickline dashboard` until it is interrupted (SIGINT or SIGTERM).
pub fn run(args: &DashboardArgs) -> anyhow::Result<()> {
    let token = secret::read_if_any(TOKEN, args.token_file.as_deref())?;
    let (bind, port) = (args.listen.ip(), args.listen.port());
    if !bind.is_loopback() && token.is_none() && !args.insecure {
        let what = format!("without a token anyone who can reach {} can read the store", args.listen);
        return Err(UsageError(format!("{what}: set --token-file, or insist with --insecure")).into());
    }
    let origin = args.log.as_ref().map(|log| args.settings.origin(log, args.workers)).transpose()?;
    tokio::runtime::Runtime::new().context("cannot start threads")?.block_on(async {
        let Some(allowed_lateness_ms) = wait_for_store(args).await? else { return Ok(()) };
        let metrics = args.metrics_listen;
        let config =
            DashboardConfig { bind, port, token, allowed_lateness_ms, metrics, origin, ..DashboardConfig::default() };
        let store = args.store.clone();
        let dashboard = serve(config, move || store.open_reader()).await?;
        if let Some(addr) = dashboard.metrics_addr() {
            println!("metrics: http://{addr}/metrics");
        }
        println!("live page of {} at http://{}/ (end with Ctrl-C)", args.store, dashboard.addr());
        interrupted().await?;
        dashboard.stop().await;
        Ok(())
    })
}

/// Waits until the store opens, and returns its pipeline's allowed lateness in milliseconds; `None` when the process is
/// interrupted first. An error when the store is still not available after `--store-wait`.
async fn wait_for_store(args: &DashboardArgs) -> anyhow::Result<Option<u64>> {
    let wait = args.store_wait.std();
    let started = Instant::now();
    loop {
        let store = args.store.clone();
        match tokio::task::spawn_blocking(move || allowed_lateness_ms(&store)).await? {
            Ok(lateness_ms) => return Ok(Some(lateness_ms)),
            Err(error) if started.elapsed() >= wait => return Err(error.into()),
            Err(error) => tracing::warn!("{error}; waiting for the store"),
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            result = interrupted() => return result.map(|()| None),
        }
    }
}

/// Allowed lateness of the pipeline that writes the store; the default before its first start.
fn allowed_lateness_ms(store: &StoreAddress) -> Result<u64, StoreError> {
    Ok(store.open_reader()?.allowed_lateness_ms()?.unwrap_or(ALLOWED_LATENESS_MS))
}
