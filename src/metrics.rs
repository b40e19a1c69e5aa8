//! What machines ask a process: `/metrics`, `/healthz`, `/readyz`. Numbers as OpenMetrics text, which Prometheus reads.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub mod catalog;
pub mod exposition;
pub mod frontier;
pub mod process;

use exposition::Exposition;

const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A process that can be asked.
pub trait HealthCheck: Send + Sync + 'static {
    /// Its numbers, given for this answer.
    fn tell(&self, exposition: &mut Exposition);
    /// A line that says how it is, or why it is not ready.
    fn ready(&self) -> Result<String, String>;
    /// A line that says that it lives, or why it is to be started again.
    fn lives(&self) -> Result<String, String> {
        Ok("ok".to_owned())
    }
}

/// Answers in the background until it is dropped.
#[derive(Debug)]
pub struct MetricsServer {
    addr: SocketAddr,
    server: JoinHandle<std::io::Result<()>>,
}

/// Starts to answer. Fails when the address cannot be listened on.
pub async fn serve(listen: SocketAddr, check: Arc<dyn HealthCheck>) -> anyhow::Result<MetricsServer> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}: choose another address with --listen"))?;
    let addr = listener.local_addr().context("the listening socket has no address")?;
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(lives))
        .route("/readyz", get(readyz))
        .with_state(check);
    Ok(MetricsServer { addr, server: tokio::spawn(axum::serve(listener, router).into_future()) })
}

impl MetricsServer {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The process is there.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// An answer that holds numbers, those of the process itself among them.
pub fn respond(mut exposition: Exposition) -> Result<Response, String> {
    process::put(&mut exposition);
    let text = exposition.encode().map_err(|error| format!("metrics cannot be encoded: {error}"))?;
    Ok(([(CONTENT_TYPE, FORMAT)], text).into_response())
}

async fn metrics(State(check): State<Arc<dyn HealthCheck>>) -> Response {
    let mut exposition = Exposition::default();
    check.tell(&mut exposition);
    respond(exposition).unwrap_or_else(|why| (StatusCode::INTERNAL_SERVER_ERROR, why).into_response())
}

async fn lives(State(check): State<Arc<dyn HealthCheck>>) -> Response {
    line(check.lives())
}

async fn readyz(State(check): State<Arc<dyn HealthCheck>>) -> Response {
    line(check.ready())
}

fn line(answer: Result<String, String>) -> Response {
    match answer {
        Ok(line) => format!("{line}\n").into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}
