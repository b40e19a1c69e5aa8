//! `tickline dashboard`: the page and HTTP API over any store.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context;

use crate::dashboard::{DashboardConfig, serve};
use crate::store::{StoreError, StoreReader};

/// Serve the live page and the HTTP API over a store.
#[derive(Clone, Debug, clap::Args)]
pub struct DashboardArgs {
    /// Store to read: sqlite:PATH.
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: String,
    /// Port to listen on; 0 takes any free one.
    #[arg(long, env = "TICKLINE_PORT", default_value_t = 8080)]
    pub port: u16,
    /// Address to listen on. Whoever can reach it can read everything in the store.
    #[arg(long, env = "TICKLINE_BIND", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub bind: IpAddr,
}

/// Serves until it is interrupted (SIGINT or SIGTERM).
pub async fn run(
    args: &DashboardArgs,
    open_reader: impl Fn() -> Result<Box<dyn StoreReader>, StoreError> + Send + Sync + 'static,
) -> anyhow::Result<()> {
    let config = DashboardConfig { bind: args.bind, port: args.port, ..DashboardConfig::default() };
    let dashboard = serve(config, open_reader).await?;
    println!("live page of {} at http://{}/ (end with Ctrl-C)", args.store, dashboard.addr());
    interrupted().await?;
    dashboard.stop().await;
    Ok(())
}

async fn interrupted() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("cannot listen for signals")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("cannot listen for signals"),
        _ = terminate.recv() => Ok(()),
    }
}
