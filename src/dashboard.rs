//! The live page and the HTTP API over any store.
//!
//! It only reads. One task watches the frontier (`watcher.rs`) and tells all viewers (`stream.rs`); everything else is
//! read from the store when it is asked for, by a small pool of readers (`pool.rs`).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

use crate::dashboard::pool::ReaderPool;
use crate::dashboard::watcher::Advance;
use crate::store::{StoreError, StoreReader};

mod api;
mod assets;
mod error;
mod metrics;
mod pool;
mod query;
mod stream;
mod view;
mod watcher;

/// A stop waits so long for answers under way.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// Where the page is, and how live.
#[derive(Clone, Debug)]
pub struct DashboardConfig {
    /// Address to listen on.
    pub bind: IpAddr,
    /// Port to listen on; 0 takes any free one.
    pub port: u16,
    /// How often the store's frontier is asked for.
    pub poll: Duration,
}

impl Default for DashboardConfig {
    /// This machine only, port 8080, five times a second.
    fn default() -> Self {
        Self { bind: Ipv4Addr::LOCALHOST.into(), port: 8080, poll: Duration::from_millis(200) }
    }
}

/// A page that is being served. Dropping it leaves it running; [`Dashboard::stop`] ends it.
#[derive(Debug)]
pub struct Dashboard {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<std::io::Result<()>>,
    watcher: JoinHandle<()>,
}

impl Dashboard {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Ends the event streams, lets answers under way end, and returns within a few seconds whatever viewers do.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(STOP_WAIT, &mut self.server).await.is_err() {
            self.server.abort();
        }
        if tokio::time::timeout(STOP_WAIT, &mut self.watcher).await.is_err() {
            self.watcher.abort();
        }
    }
}

/// What all requests share.
struct Shared {
    pool: Arc<ReaderPool>,
    advances: broadcast::Sender<Arc<Advance>>,
    stop: watch::Receiver<bool>,
    requests: metrics::Requests,
}

/// Serves the page in the background. Fails at once when the store cannot be opened or the port is taken.
///
/// `open_reader` is called a few times, from threads that may block; it need not have a frontier yet.
pub async fn serve(
    config: DashboardConfig,
    open_reader: impl Fn() -> Result<Box<dyn StoreReader>, StoreError> + Send + Sync + 'static,
) -> anyhow::Result<Dashboard> {
    let pool = ReaderPool::new(open_reader).await?;
    let wanted = SocketAddr::new(config.bind, config.port);
    let listener = TcpListener::bind(wanted)
        .await
        .with_context(|| format!("cannot listen on {wanted}: choose another address or --port"))?;
    let addr = listener.local_addr().context("the listening socket has no address")?;
    let (stop, stopped) = watch::channel(false);
    let (advances, _) = broadcast::channel(watcher::ADVANCES_HELD);
    let watcher = tokio::spawn(watcher::run(Arc::clone(&pool), advances.clone(), stopped.clone(), config.poll));
    let router =
        router(Arc::new(Shared { pool, advances, stop: stopped.clone(), requests: metrics::Requests::default() }));
    let server = axum::serve(listener, router).with_graceful_shutdown(until(stopped));
    Ok(Dashboard { addr, stop, server: tokio::spawn(server.into_future()), watcher })
}

fn router(shared: Arc<Shared>) -> Router {
    assets::routes()
        .route("/api/symbols", get(api::symbols))
        .route("/api/candles", get(api::candles))
        .route("/api/indicators", get(api::indicators))
        .route("/api/frontier", get(api::frontier))
        .route("/api/stream", get(stream::stream))
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(crate::metrics::healthz))
        .route("/readyz", get(metrics::readyz))
        .method_not_allowed_fallback(api::wrong_method)
        .fallback(api::unknown)
        .layer(from_fn_with_state(Arc::clone(&shared), metrics::count))
        .with_state(shared)
}

/// Until told to stop. A sender that is gone tells nothing: a dropped [`Dashboard`] goes on.
async fn until(mut stopped: watch::Receiver<bool>) {
    if stopped.wait_for(|stop| *stop).await.is_err() {
        std::future::pending().await
    }
}

/// This machine's clock. Only how far the frontier is behind goes by it.
fn now_ms() -> i64 {
    i64::try_from(crate::timestamp::now_ms()).unwrap_or(i64::MAX)
}
