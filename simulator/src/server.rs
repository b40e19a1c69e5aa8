//! The server: REST and WebSocket on one loopback port.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::sent_trades::SentTrades;
use super::state::{Counters, Shared, SimulatorConfig, stopped};
use super::{rest, socket};

/// Running simulator. It stops when it is dropped; [`Simulator::stop`] waits for that and reports errors.
pub struct Simulator {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<std::io::Result<()>>,
    counters: Arc<Counters>,
    sent_trades: Option<Arc<SentTrades>>,
}

/// Starts a simulator, which accepts connections when this returns. Fails when the address is not available.
pub async fn serve(config: SimulatorConfig) -> anyhow::Result<Simulator> {
    let listen = config.listen;
    let resets = config.faults.reset_every.is_some();
    let sent_trades = config.sent_trades.clone();
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("the simulator cannot listen on {listen}: choose another with --listen"))?;
    let addr = listener.local_addr().context("the simulator's listener has no address")?;
    let (stop, stopping) = watch::channel(false);
    let counters = Arc::new(Counters::default());
    let shared = Arc::new(Shared::new(config, Arc::clone(&counters), stopping.clone()));
    let app = rest::routes(&shared).route("/", axum::routing::get(socket::upgrade)).with_state(shared);
    let listener = listener.tap_io(move |stream| {
        if resets {
            // With a zero linger time, dropping the socket resets the connection instead of closing it.
            let _ = stream.set_zero_linger();
        }
    });
    let server =
        tokio::spawn(async move { axum::serve(listener, app).with_graceful_shutdown(stopped(stopping)).await });
    Ok(Simulator { addr, stop, server, counters, sent_trades })
}

impl Simulator {
    /// Address of the listener.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Counters.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// URL of the WebSocket; clients add `token=`.
    pub fn url(&self) -> String {
        format!("ws://{}/", self.addr)
    }

    /// Closes all connections and stops listening.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        self.server.await.context("the simulator's task failed")?.context("the simulator's server failed")?;
        self.sent_trades.map_or(Ok(()), |file| file.flush()).context("cannot write the file of sent trades")
    }
}
