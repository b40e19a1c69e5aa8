//! Accepts connections and serves a router over them, within the limits.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::from_fn;
use axum::response::Response;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::connections::{Closed, Connections, Slot};
use super::headers;
use super::socket::Socket;

/// Maximum size of a request's head, in bytes: a hundred symbols, each character of which is escaped.
const HEAD_BYTES_MAX: usize = 128 << 10;
/// Send buffer of a connection, in bytes; the kernel takes twice as much. Its default of some MB for each client that
/// does not read is more than a small container has.
const SEND_BUFFER_BYTES: u32 = 64 << 10;
/// Connections that the kernel holds until they are accepted.
const BACKLOG: u32 = 1_024;
/// How long a connection that gives way may take to send the rest of its last answer.
const CLOSE_WAIT: Duration = Duration::from_secs(1);
/// Connections at a time that are not admitted and have not taken the answer yet. More are closed at once, and may lose
/// the answer.
const REFUSED_MAX: usize = 32;
/// How long such a client may take to send its request, and to take the answer.
const REFUSE_WAIT: Duration = Duration::from_secs(2);
/// Pause after a failed accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The answer to a connection that is not admitted.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-type: application/json\r\n\
    x-content-type-options: nosniff\r\ncache-control: no-store\r\nconnection: close\r\ncontent-length: 73\r\n\r\n\
    {\"error\":\"too many connections\",\"hint\":\"close some, or try again later\"}\n";

/// Listens on an address.
pub fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bound().with_context(|| format!("cannot listen on {address}: choose another address with --listen"))
}

/// Serves the router until `stop` is set; then requests in flight are answered. Aborting the task closes everything.
pub fn spawn(
    listener: TcpListener,
    router: Router,
    connections: Arc<Connections>,
    stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(accept(listener, router.layer(from_fn(headers::add)), connections, stop))
}

async fn accept(listener: TcpListener, router: Router, connections: Arc<Connections>, stop: watch::Receiver<bool>) {
    let (mut served, refused) = (JoinSet::new(), Arc::new(Semaphore::new(REFUSED_MAX)));
    loop {
        let accepted = tokio::select! {
            () = stopped(stop.clone()) => break,
            Some(_) = served.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            connections.close_idle();
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        match connections.admit(peer.ip()) {
            Some(slot) => {
                served.spawn(serve(stream, slot, router.clone(), Arc::clone(&connections), stop.clone()));
            }
            None => {
                if let Ok(place) = Arc::clone(&refused).try_acquire_owned() {
                    served.spawn(refuse(stream, place));
                } else {
                    // A client that is gone already needs no answer.
                    let _ = stream.try_write(BUSY);
                }
            }
        }
    }
    drop(listener);
    while served.join_next().await.is_some() {}
}

/// Resolves when a stop is requested, and never if the sender was dropped: the server keeps running.
pub async fn stopped(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending().await
    }
}

/// Serves one connection until it ends, has to give way, or the server stops.
async fn serve(
    stream: TcpStream,
    slot: Slot,
    router: Router,
    connections: Arc<Connections>,
    stop: watch::Receiver<bool>,
) {
    let (close, slot) = (slot.close(), Arc::new(slot));
    let own = Arc::clone(&slot);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| {
        let (in_use, router) = (slot.begin(), router.clone());
        async move {
            let response: Response = router.call(request.map(Body::new)).await?;
            // The connection is in use until the last part of the body is taken from it.
            let held = |body: Body| {
                Body::new(body.map_frame(move |frame| {
                    let _ = &in_use;
                    frame
                }))
            };
            Ok::<_, Infallible>(response.map(held))
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(connections.limits().header_wait).max_buf_size(HEAD_BYTES_MAX);
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&connections)));
    let mut connection = pin!(http.serve_connection(socket, service));
    tokio::select! {
        ended = connection.as_mut() => {
            if ended.is_err_and(|error| error.is_timeout()) {
                connections.count(Closed::Idle);
            }
        }
        () = close.notified() => {
            connection.as_mut().graceful_shutdown();
            // Without a request there is nothing to send; else what is not taken by then is lost.
            let wait = if own.has_asked() { CLOSE_WAIT } else { Duration::ZERO };
            let _ = timeout(wait, connection).await;
        }
        () = stopped(stop) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// Answers that there are too many connections, without waiting for the request.
async fn refuse(mut stream: TcpStream, _place: OwnedSemaphorePermit) {
    let answered = async {
        stream.write_all(BUSY).await?;
        stream.shutdown().await?;
        // A socket that is closed over bytes that it has not read, or before they come, resets the connection: the
        // client would see that in place of the answer. So it is the client that closes.
        let mut request = [0; 4096];
        while stream.read(&mut request).await? > 0 {}
        io::Result::Ok(())
    };
    // A client that is gone already needs no answer.
    let _ = timeout(REFUSE_WAIT, answered).await;
}
