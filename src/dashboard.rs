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
use tokio::sync::{Semaphore, broadcast, watch};
use tokio::task::JoinHandle;
use tower_http::compression::CompressionLayer;

use crate::exit_code;
use crate::finnhub::Secret;
use crate::http::connections::Connections;
use crate::http::limits::Limits;
use crate::http::server;
use crate::metrics::MetricsServer;
use crate::play::clock::PlayClock;
use crate::replay::Origin;
use crate::store::{StoreError, StoreReader};

pub mod access;
mod answers;
mod api;
mod as_of;
mod assets;
mod condition;
mod encode;
pub mod error;
pub mod etag;
mod explain;
mod frontier_watcher;
mod index;
mod indexer;
mod json;
mod metrics;
mod names;
mod play;
mod pool;
mod queries;
pub mod query;
mod recomputations;
mod shared_parts;
mod stream;
mod subscriptions;

use access::Access;
use answers::{ANSWERS_BYTES_MAX, Answers};
use condition::Condition;
use frontier_watcher::{Advance, FrontierWatcher};
use index::Index;
use pool::{OWN_READERS, OpenReader, REQUEST_READERS, ReaderPool};
use recomputations::Recomputations;
use shared_parts::SharedParts;
use subscriptions::AllSubscriptions;

/// Searches for symbols at the same time.
const SEARCHES_MAX: usize = 2;

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
    /// Another address for `/metrics`, `/healthz` and `/readyz`, without a token. It answers whatever viewers do.
    pub metrics: Option<SocketAddr>,
    /// What the store was made from, for rows as of an earlier time; without it there are none.
    pub origin: Option<Origin>,
    /// What viewers may use.
    pub limits: Limits,
    /// Memory for all answers together, in bytes.
    pub answers_bytes_max: usize,
    /// The clock of the log that is played, if one is.
    pub play: Option<Arc<PlayClock>>,
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
            metrics: None,
            origin: None,
            limits: Limits::PAGE,
            answers_bytes_max: ANSWERS_BYTES_MAX,
            play: None,
        }
    }
}

/// A running dashboard. Dropping the handle leaves it running; [`Dashboard::stop`] ends it.
#[derive(Debug)]
pub struct Dashboard {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    metrics: Option<MetricsServer>,
    watcher: JoinHandle<()>,
    indexer: JoinHandle<()>,
    recomputations: Arc<Recomputations>,
}

impl Dashboard {
    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address of the metrics, if they have one of their own.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(MetricsServer::addr)
    }

    /// Closes the event streams, lets in-flight requests finish, and returns within a few seconds whatever viewers do.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        self.recomputations.stop();
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
    /// Readers for requests.
    pool: Arc<ReaderPool>,
    /// Readers for the dashboard itself.
    own_pool: Arc<ReaderPool>,
    answers: Answers,
    parts: SharedParts,
    recomputations: Arc<Recomputations>,
    /// Searches at the same time; each keeps a processor busy.
    searches: Semaphore,
    connections: Arc<Connections>,
    index: watch::Receiver<Arc<Index>>,
    subscriptions: Arc<AllSubscriptions>,
    advances: broadcast::Sender<Arc<Advance>>,
    condition: watch::Receiver<Condition>,
    stop: watch::Receiver<bool>,
    play: Option<Arc<PlayClock>>,
    requests: metrics::Requests,
}

/// Serves the dashboard in the background. Fails immediately if the store cannot be opened or the port is in use.
///
/// `open_reader` is called a few times, from threads that may block; the store need not have a frontier yet.
pub async fn serve(
    config: DashboardConfig,
    open_reader: impl Fn() -> Result<Box<dyn StoreReader>, StoreError> + Send + Sync + 'static,
) -> anyhow::Result<Dashboard> {
    let open_reader: Arc<OpenReader> = Arc::new(open_reader);
    let own_pool = ReaderPool::new(Arc::clone(&open_reader), OWN_READERS).await?;
    let pool = ReaderPool::new(open_reader, REQUEST_READERS).await?;
    if let Some(origin) = config.origin.clone() {
        own_pool.read(move |reader| Ok(check_origin(&origin, reader))).await??;
    }
    let recomputations = Recomputations::new(config.origin);
    let listener = server::listen(SocketAddr::new(config.bind, config.port))?;
    let addr = listener.local_addr().context("the listening socket has no address")?;
    let (stop, stopped) = watch::channel(false);
    let (advances, _) = broadcast::channel(frontier_watcher::ADVANCES_KEPT);
    let start =
        own_pool.read(|reader| Ok((reader.frontier()?, reader.heartbeat()?, Index::read(reader, &Index::default())?)));
    let (frontier, heartbeat, index) = start.await?;
    let frontier_ms = frontier.as_ref().map(|frontier| frontier.row.frontier);
    let known = Condition { frontier_ms, heartbeat, read_ms: crate::time::now_ms(), failure: None };
    let (known, condition) = watch::channel(known);
    let (index_sender, index) = watch::channel(Arc::new(index));
    let subscriptions = Arc::new(AllSubscriptions::default());
    let watcher = FrontierWatcher {
        pool: Arc::clone(&own_pool),
        index: index.clone(),
        subscriptions: Arc::clone(&subscriptions),
        advances: advances.clone(),
        condition: known,
        heartbeat_read: Instant::now(),
        allowed_lateness_ms: config.allowed_lateness_ms,
        last_sent: frontier.as_ref().map(frontier_watcher::version),
    };
    let watcher = tokio::spawn(watcher.run(stopped.clone(), config.poll));
    let indexer = indexer::run(Arc::clone(&own_pool), index_sender, stopped.clone(), config.index_every);
    let indexer = tokio::spawn(indexer);
    let access = Access { token: config.token, is_loopback: addr.ip().is_loopback() };
    let shared = Arc::new(Shared {
        pool,
        own_pool,
        answers: Answers::new(config.answers_bytes_max),
        parts: SharedParts::default(),
        recomputations: Arc::clone(&recomputations),
        searches: Semaphore::new(SEARCHES_MAX),
        connections: Connections::new(config.limits),
        index,
        subscriptions,
        advances,
        condition,
        stop: stopped.clone(),
        play: config.play,
        requests: metrics::Requests::default(),
    });
    let connections = Connections::new(Limits::PROBES);
    let start_metrics = |listen| MetricsServer::start(listen, health(&shared), connections);
    let metrics = config.metrics.map(start_metrics).transpose()?;
    let connections = Arc::clone(&shared.connections);
    let server = server::spawn(listener, router(shared, Arc::new(access)), connections, stopped);
    Ok(Dashboard { addr, stop, server, metrics, watcher, indexer, recomputations })
}

/// Fails if the store was made from another log, or with other settings. A log that is down for a while does no harm.
fn check_origin(origin: &Origin, reader: &mut dyn StoreReader) -> anyhow::Result<()> {
    match origin.open(reader) {
        Err(error) if exit_code::of(&error) == 1 => {
            tracing::warn!("earlier rows cannot be shown now: {error:#}");
            Ok(())
        }
        checked => checked.map(drop),
    }
}

/// Metrics and health.
fn health(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(crate::metrics::healthz))
        .route("/readyz", get(metrics::readyz))
        .with_state(Arc::clone(shared))
}

fn router(shared: Arc<Shared>, access: Arc<Access>) -> Router {
    assets::routes()
        .route("/api/openapi.json", get(api::openapi))
        .route("/api/symbols", get(api::symbols))
        .route("/api/candles", get(api::candles))
        .route("/api/indicators", get(api::indicators))
        .route("/api/explain", get(explain::explain))
        .route("/api/gaps", get(api::gaps))
        .route("/api/frontier", get(api::frontier))
        .route("/api/play", get(play::show).post(play::act))
        .route("/api/stream", get(stream::stream))
        .with_state(Arc::clone(&shared))
        .merge(health(&shared))
        .method_not_allowed_fallback(api::method_not_allowed)
        .fallback(api::not_found)
        .layer(from_fn(etag::add_etag))
        .layer(from_fn_with_state(access, access::check))
        .layer(from_fn_with_state(shared, metrics::count))
        // Does not apply to the event stream: each event must reach the viewer immediately.
        .layer(CompressionLayer::new())
}

/// This machine's clock, used only to compute the frontier's lag.
fn now_ms() -> i64 {
    i64::try_from(crate::time::now_ms()).unwrap_or(i64::MAX)
}
