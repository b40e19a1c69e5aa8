//! The HTTP endpoints for monitoring: `/metrics` (OpenMetrics text, which Prometheus reads), `/healthz`, `/readyz`.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub mod catalog;
pub mod exposition;
pub mod frontier;
pub mod process;
pub mod verification;

use exposition::Exposition;

use crate::http::connections::Connections;
use crate::http::limits::Limits;
use crate::http::server;

const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Metrics and health of a process.
pub trait HealthCheck: Send + Sync + 'static {
    /// Adds the current values of its metrics.
    fn collect(&self, exposition: &mut Exposition);
    /// Readiness: a status line, or the reason why the process is not ready.
    fn ready(&self) -> Result<String, String>;
    /// Liveness: a status line, or the reason why the process must be restarted.
    fn live(&self) -> Result<String, String> {
        Ok("ok".to_owned())
    }
}

/// The server of the endpoints. It runs in the background until dropped.
#[derive(Debug)]
pub struct MetricsServer {
    addr: SocketAddr,
    server: JoinHandle<()>,
    _stop: watch::Sender<bool>,
}

/// What the endpoints answer from.
type Checked = (Arc<dyn HealthCheck>, Arc<Connections>);

/// Starts the server. Fails if it cannot listen on the address.
pub async fn serve(listen: SocketAddr, check: Arc<dyn HealthCheck>) -> anyhow::Result<MetricsServer> {
    let connections = Connections::new(Limits::PROBES);
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(live))
        .route("/readyz", get(readyz))
        .with_state((check, Arc::clone(&connections)));
    MetricsServer::start(listen, router, connections)
}

impl MetricsServer {
    /// Serves a router. Fails if it cannot listen on the address.
    pub fn start(listen: SocketAddr, router: Router, connections: Arc<Connections>) -> anyhow::Result<Self> {
        let listener = server::listen(listen)?;
        let addr = listener.local_addr().context("the listening socket has no address")?;
        let (stop, stopping) = watch::channel(false);
        Ok(Self { addr, server: server::spawn(listener, router, connections, stopping), _stop: stop })
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Liveness of a process that answers at all.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// A `/metrics` response with the given metrics and the process metrics.
pub fn respond(mut exposition: Exposition) -> Result<Response, String> {
    process::put(&mut exposition);
    let text = exposition.encode().map_err(|error| format!("cannot encode metrics: {error}"))?;
    Ok(([(CONTENT_TYPE, FORMAT)], text).into_response())
}

async fn metrics(State((check, connections)): State<Checked>) -> Response {
    let mut exposition = Exposition::default();
    check.collect(&mut exposition);
    connections.collect(&mut exposition);
    respond(exposition).unwrap_or_else(|error| (StatusCode::INTERNAL_SERVER_ERROR, error).into_response())
}

async fn live(State((check, _)): State<Checked>) -> Response {
    line(check.live())
}

async fn readyz(State((check, _)): State<Checked>) -> Response {
    line(check.ready())
}

fn line(status: Result<String, String>) -> Response {
    match status {
        Ok(line) => format!("{line}\n").into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}
