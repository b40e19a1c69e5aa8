//! `tickline dashboard`: the page and HTTP API over any store.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use dataflows::progress::time::ALLOWED_LATENESS_MS;

use super::options::duration::Duration;
use super::options::secret;
use crate::dashboard::{DashboardConfig, serve};
use crate::process::signals::interrupted;
use crate::store::address::StoreAddress;

/// Serve the live page and the HTTP API over a store.
#[derive(Clone, Debug, clap::Args)]
pub struct DashboardArgs {
    /// Store to read: sqlite:PATH or cassandra://HOST:PORT/KEYSPACE.
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: StoreAddress,
    /// Port to listen on; 0 takes any free one.
    #[arg(long, env = "TICKLINE_PORT", default_value_t = 8080)]
    pub port: u16,
    /// Address to listen on. Whoever can reach it can read everything in the store.
    #[arg(long, env = "TICKLINE_BIND", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub bind: IpAddr,
    /// File of a token that readers have to bring, as a bearer's or as the password of any user; also from
    /// TICKLINE_DASHBOARD_TOKEN
    #[arg(long, env = "TICKLINE_DASHBOARD_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// So far behind the frontier a late trade still corrects its candle: as the workers have it
    #[arg(long, env = "TICKLINE_ALLOWED_LATENESS", default_value_t = Duration::from_ms(ALLOWED_LATENESS_MS))]
    pub allowed_lateness: Duration,
    /// Wait so long for a store that cannot be opened yet
    #[arg(long, env = "TICKLINE_STORE_WAIT", default_value_t = Duration::from_ms(0))]
    pub store_wait: Duration,
}

/// How often a store that is waited for is tried.
const RETRY: std::time::Duration = std::time::Duration::from_secs(1);

/// The environment variable that holds the page's token.
const TOKEN: &str = "TICKLINE_DASHBOARD_TOKEN";

/// Runs `tickline dashboard` until it is interrupted (SIGINT or SIGTERM).
pub fn run(args: &DashboardArgs) -> anyhow::Result<()> {
    tokio::runtime::Runtime::new().context("the system refused threads")?.block_on(async {
        if !store_opens(args).await? {
            return Ok(());
        }
        let token = secret::read_if_any(TOKEN, args.token_file.as_deref())?;
        if !args.bind.is_loopback() && token.is_none() {
            tracing::warn!("whoever reaches {} can read everything in the store: set --token-file", args.bind);
        }
        let (bind, port, allowed_lateness_ms) = (args.bind, args.port, args.allowed_lateness.ms());
        let config = DashboardConfig { bind, port, token, allowed_lateness_ms, ..DashboardConfig::default() };
        let store = args.store.clone();
        let dashboard = serve(config, move || store.open_reader()).await?;
        println!("live page of {} at http://{}/ (end with Ctrl-C)", args.store, dashboard.addr());
        interrupted().await?;
        dashboard.stop().await;
        Ok(())
    })
}

/// Whether the store can be opened: `false` when the process was asked to end before. A store that is still not there
/// after `--store-wait` is the caller's mistake, and is told as one.
async fn store_opens(args: &DashboardArgs) -> anyhow::Result<bool> {
    let wait = std::time::Duration::from_millis(args.store_wait.ms());
    let begun = Instant::now();
    loop {
        let store = args.store.clone();
        match tokio::task::spawn_blocking(move || store.open_reader().map(drop)).await? {
            Ok(()) => return Ok(true),
            Err(error) if begun.elapsed() >= wait => return Err(error.into()),
            Err(error) => tracing::warn!("{error}; waiting for it"),
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            result = interrupted() => return result.map(|()| false),
        }
    }
}
