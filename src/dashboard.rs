//! The live page and the HTTP API over any store.
//!
//! Read only. One task watches the frontier (`frontier_watcher.rs`) and notifies all viewers (`stream.rs`), another
//! keeps all symbols in memory for searches (`indexer.rs`); everything else is read from the store on request, by a
//! small pool of readers (`pool.rs`).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use dataflows::progress::time::ALLOWED_LATENESS_MS;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tower_http::compression::CompressionLayer;

use crate::finnhub::Secret;
use crate::store::{StoreError, StoreReader};

mod access;
mod api;
mod assets;
mod condition;
mod error;
mod etag;
mod frontier_watcher;
mod index;
mod indexer;
mod json;
mod metrics;
mod pool;
mod queries;
mod query;
mod stream;
mod subscriptions;

use access::Access;
use condition::Condition;
use frontier_watcher::{Advance, FrontierWatcher};
use index::Index;
use pool::ReaderPool;
use subscriptions::AllSubscriptions;

/// Grace period for in-flight requests at shutdown.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// Settings of the page and the HTTP API.
#[derive(Clone, Debug)]
pub struct DashboardConfig {
    /// Address to listen on.
    pub bind: IpAddr,
    /// Port to listen on; 0 picks a free one.
    pub port: u16,
    /// Access token; without one everyone who can connect may read.
    pub token: Option<Secret>,
    /// Interval between reads of the store's frontier.
    pub poll: Duration,
    /// Minimum interval between reads of the symbols.
    pub index_every: Duration,
    /// Allowed lateness of the workers, in milliseconds: how far back a late trade can change rows.
    pub allowed_lateness_ms: u64,
}

impl Default for DashboardConfig {
    /// Loopback, port 8080, no token; reads the frontier 20 times per second and the symbols every five seconds.
    fn default() -> Self {
        Self {
            bind: Ipv4Addr::LOCALHOST.into(),
            port: 8080,
            token: None,
            poll: Duration::from_millis(50),
            index_every: Duration::from_secs(5),
            allowed_lateness_ms: ALLOWED_LATENESS_MS,
        }
    }
}

/// A running dashboard. Dropping the handle leaves it running; [`Dashboard::stop`] ends it.
#[derive(Debug)]
pub struct Dashboard {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<std::io::Result<()>>,
    watcher: JoinHandle<()>,
    indexer: JoinHandle<()>,
}

impl Dashboard {
    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Closes the event streams, lets in-flight requests finish, and returns within a few seconds whatever viewers do.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(STOP_WAIT, &mut self.server).await.is_err() {
            self.server.abort();
        }
        for task in [self.watcher, self.indexer] {
            let abort = task.abort_handle();
            if tokio::time::timeout(STOP_WAIT, task).await.is_err() {
                abort.abort();
            }
        }
    }
}

/// State shared by all requests.
struct Shared {
    pool: Arc<ReaderPool>,
    index: watch::Receiver<Arc<Index>>,
    subscriptions: Arc<AllSubscriptions>,
    advances: broadcast::Sender<Arc<Advance>>,
    condition: watch::Receiver<Condition>,
    stop: watch::Receiver<bool>,
    requests: metrics::Requests,
}

/// Serves the dashboard in the background. Fails immediately if the store cannot be opened or the port is in use.
///
/// `open_reader` is called a few times, from threads that may block; the store need not have a frontier yet.
pub async fn serve(
    config: DashboardConfig,
    open_reader: impl Fn() -> Result<Box<dyn StoreReader>, StoreError> + Send + Sync + 'static,
) -> anyhow::Result<Dashboard> {
    let pool = ReaderPool::new(open_reader).await?;
    let listen = SocketAddr::new(config.bind, config.port);
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}: choose another address with --listen"))?;
    let addr = listener.local_addr().context("the listening socket has no address")?;
    let (stop, stopped) = watch::channel(false);
    let (advances, _) = broadcast::channel(frontier_watcher::ADVANCES_KEPT);
    let start = pool.read(|reader| Ok((reader.frontier()?, reader.heartbeat()?, Index::read(reader)?)));
    let (frontier, heartbeat, index) = start.await?;
    let frontier_ms = frontier.as_ref().map(|frontier| frontier.row.frontier);
    let known = Condition { frontier_ms, heartbeat, read_ms: crate::time::now_ms(), failure: None };
    let (known, condition) = watch::channel(known);
    let (index_sender, index) = watch::channel(Arc::new(index));
    let subscriptions = Arc::new(AllSubscriptions::default());
    let watcher = FrontierWatcher {
        pool: Arc::clone(&pool),
        index: index.clone(),
        subscriptions: Arc::clone(&subscriptions),
        advances: advances.clone(),
        condition: known,
        heartbeat_read: Instant::now(),
        allowed_lateness_ms: config.allowed_lateness_ms,
        last_sent: frontier.as_ref().map(frontier_watcher::version),
    };
    let watcher = tokio::spawn(watcher.run(stopped.clone(), config.poll));
    let indexer = indexer::run(Arc::clone(&pool), index_sender, stopped.clone(), config.index_every);
    let indexer = tokio::spawn(indexer);
    let access = Access { token: config.token, is_loopback: addr.ip().is_loopback() };
    let requests = metrics::Requests::default();
    let shared = Shared { pool, index, subscriptions, advances, condition, stop: stopped.clone(), requests };
    let router = router(Arc::new(shared), Arc::new(access));
    let server = axum::serve(listener, router).with_graceful_shutdown(until(stopped));
    Ok(Dashboard { addr, stop, server: tokio::spawn(server.into_future()), watcher, indexer })
}

fn router(shared: Arc<Shared>, access: Arc<Access>) -> Router {
    assets::routes()
        .route("/api/openapi.json", get(api::openapi))
        .route("/api/symbols", get(api::symbols))
        .route("/api/candles", get(api::candles))
        .route("/api/indicators", get(api::indicators))
        .route("/api/gaps", get(api::gaps))
        .route("/api/frontier", get(api::frontier))
        .route("/api/stream", get(stream::stream))
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(crate::metrics::healthz))
        .route("/readyz", get(metrics::readyz))
        .method_not_allowed_fallback(api::method_not_allowed)
        .fallback(api::not_found)
        .with_state(Arc::clone(&shared))
        .layer(from_fn(etag::add_etag))
        .layer(from_fn_with_state(access, access::check))
        .layer(from_fn_with_state(shared, metrics::count))
        // Does not apply to the event stream: each event must reach the viewer immediately.
        .layer(CompressionLayer::new())
}

/// Resolves when a stop is requested, and never if the sender was dropped: a dropped [`Dashboard`] keeps running.
async fn until(mut stopped: watch::Receiver<bool>) {
    if stopped.wait_for(|stop| *stop).await.is_err() {
        std::future::pending().await
    }
}

/// This machine's clock, used only to compute the frontier's lag.
fn now_ms() -> i64 {
    i64::try_from(crate::time::now_ms()).unwrap_or(i64::MAX)
}
