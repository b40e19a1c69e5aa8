//! `tickline dashboard`: the page and HTTP API over any store.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context;

use crate::dashboard::{DashboardConfig, serve};
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
}

/// Runs `tickline dashboard` until it is interrupted (SIGINT or SIGTERM).
pub fn run(args: &DashboardArgs) -> anyhow::Result<()> {
    tokio::runtime::Runtime::new().context("the system refused threads")?.block_on(async {
        let config = DashboardConfig { bind: args.bind, port: args.port, ..DashboardConfig::default() };
        let store = args.store.clone();
        let dashboard = serve(config, move || store.open_reader()).await?;
        println!("live page of {} at http://{}/ (end with Ctrl-C)", args.store, dashboard.addr());
        interrupted().await?;
        dashboard.stop().await;
        Ok(())
    })
}

/// Returns when the process is asked to end.
pub async fn interrupted() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("cannot listen for signals")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("cannot listen for signals"),
        _ = terminate.recv() => Ok(()),
    }
}
