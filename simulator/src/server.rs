//! The server: REST and WebSocket on one loopback port.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use axum::http::Uri;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::fault::Faults;
use super::limit::RateLimit;
use super::rest_fault::{Befalls, RestFaults};
use super::sent_trades::SentTrades;
use super::universe::Universe;
use super::{rest, socket};

/// The wall clock, in Unix milliseconds.
pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// How the simulator behaves. Start from `SimulatorConfig::default()`. It has no `Debug`: it holds a token.
#[derive(Clone)]
pub struct SimulatorConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What decides all trades.
    pub seed: u64,
    /// Number of instruments.
    pub symbols: usize,
    /// The one key that is taken; `None` takes every key that is not empty.
    pub token: Option<String>,
    /// Subscriptions that one connection may hold; one more is answered with an error.
    pub subscriptions_max: usize,
    /// REST calls in a minute for each key.
    pub calls_per_minute_max: u32,
    /// Time between two `{"type":"ping"}`.
    pub ping_every: Duration,
    /// What goes wrong.
    pub faults: Faults,
    /// What goes wrong with REST calls.
    pub rest_faults: RestFaults,
    /// How many times busier than usual the instruments are.
    pub activity: u64,
    /// Where all trades that are sent are written down.
    pub sent: Option<Arc<SentTrades>>,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: 1,
            symbols: Universe::NAMED,
            token: None,
            subscriptions_max: 50,
            calls_per_minute_max: 60,
            ping_every: Duration::from_secs(60),
            faults: Faults::default(),
            rest_faults: RestFaults::default(),
            activity: 1,
            sent: None,
        }
    }
}

/// What a simulator has done so far.
#[derive(Debug, Default)]
pub struct Counters {
    /// WebSocket connections taken.
    pub connections: AtomicU64,
    /// Connections cut by the fault `disconnect-every`.
    pub disconnects: AtomicU64,
    /// Connections dropped since another one came under the same key.
    pub kicks: AtomicU64,
    /// Trades sent, each as often as it was.
    pub trades: AtomicU64,
    /// Attempts to connect.
    pub attempts: AtomicU64,
    /// Times that a fault struck, of whatever kind.
    pub faults: AtomicU64,
    /// Subscriptions refused since a connection held too many.
    pub subscriptions_refused: AtomicU64,
    /// REST calls, by path and query.
    calls: Mutex<BTreeMap<String, u64>>,
    /// REST calls that went wrong on request.
    pub rest_faults: AtomicU64,
}

impl Counters {
    /// REST calls so far, by path and query.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts a call, and tells what befalls it.
    pub(super) fn count_call(&self, uri: &Uri, faults: &RestFaults) -> Befalls {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let befalls = faults.befalls(calls.values().sum());
        *calls.entry(uri.to_string()).or_default() += 1;
        self.rest_faults.fetch_add(u64::from(befalls != Befalls::Nothing), Ordering::Relaxed);
        befalls
    }
}

/// What the handlers share.
pub(super) struct Shared {
    pub config: SimulatorConfig,
    pub universe: Arc<Universe>,
    pub counters: Arc<Counters>,
    pub stopping: watch::Receiver<bool>,
    limit: Mutex<RateLimit>,
    /// The one connection of each key: its number, and what tells it to go.
    open: Mutex<HashMap<String, (u64, Arc<Notify>)>>,
}

impl Shared {
    /// Whether this key may come in.
    pub fn accepts(&self, token: &str) -> bool {
        !token.is_empty() && self.config.token.as_ref().is_none_or(|known| known == token)
    }

    /// A fault strikes.
    pub fn strike(&self) {
        self.counters.faults.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a REST call.
    pub fn call(&self, token: &str) -> super::limit::Allowance {
        self.limit.lock().unwrap_or_else(PoisonError::into_inner).call(token, now_ms())
    }

    /// Makes a new connection the one of its key, and tells an older one to go.
    pub fn enter(&self, token: &str) -> (u64, Arc<Notify>) {
        let number = self.counters.connections.fetch_add(1, Ordering::Relaxed);
        let go = Arc::new(Notify::new());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, older)) = open.insert(token.to_owned(), (number, Arc::clone(&go))) {
            older.notify_one();
            if self.config.faults.kick_both {
                go.notify_one();
            }
        }
        (number, go)
    }

    /// The connection with this number has gone.
    pub fn leave(&self, token: &str, number: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(token).is_some_and(|(newest, _)| *newest == number) {
            open.remove(token);
        }
    }
}

/// A running simulator. It stops when it is dropped, and says so when [`Simulator::stop`] is awaited.
pub struct Simulator {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<std::io::Result<()>>,
    counters: Arc<Counters>,
    sent: Option<Arc<SentTrades>>,
}

/// Starts a simulator; it is ready when this returns. Fails when the address cannot be listened on.
pub async fn serve(config: SimulatorConfig) -> anyhow::Result<Simulator> {
    let listen = config.listen;
    let resets = config.faults.reset_every.is_some();
    let sent = config.sent.clone();
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("the simulator cannot listen on {listen}: choose another with --listen"))?;
    let addr = listener.local_addr().context("the simulator does not know where it listens")?;
    let (stop, stopping) = watch::channel(false);
    let counters = Arc::new(Counters::default());
    let shared = Arc::new(Shared {
        universe: Arc::new(Universe::new(config.symbols).busier(config.activity)),
        counters: Arc::clone(&counters),
        stopping: stopping.clone(),
        limit: Mutex::new(RateLimit::new(config.calls_per_minute_max)),
        open: Mutex::default(),
        config,
    });
    let app = rest::routes(&shared).route("/", axum::routing::get(socket::upgrade)).with_state(shared);
    let listener = listener.tap_io(move |stream| {
        if resets {
            // Whoever drops such a socket resets it. Without this it is closed, which the test of the fault would see.
            let _ = stream.set_zero_linger();
        }
    });
    let server =
        tokio::spawn(async move { axum::serve(listener, app).with_graceful_shutdown(stopped(stopping)).await });
    Ok(Simulator { addr, stop, server, counters, sent })
}

impl Simulator {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it has done.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The address of its WebSocket, to which `token=` is added.
    pub fn url(&self) -> String {
        format!("ws://{}/", self.addr)
    }

    /// Closes all connections and stops listening.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        self.server.await.context("the simulator's server ended badly")?.context("the simulator's server failed")?;
        self.sent.map_or(Ok(()), |sent| sent.flush()).context("the trades sent cannot be written down")
    }
}

/// Waits until the simulator is told to stop, or is dropped.
pub(super) async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}
