//! The API token, where the feed echoes it: `ingest` and `demo`.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use tickline::secret::percent_encode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{CANARY, LOUD, assert_hidden_in};
use crate::shared::process::{Home, Running, wait_for};

/// A feed that says the token in all ways that it has.
struct Echo {
    listener: TcpListener,
    address: SocketAddr,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    /// Answers one request with a status, and returns its request line.
    async fn answer(&self, status: &str) -> String {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        let line = String::from_utf8(request).unwrap().lines().next().unwrap().to_owned();
        let body = format!("no {CANARY}, and no {line}");
        let head = format!("HTTP/1.1 {status}\r\nX-Token: {}\r\nLocation: {line}\r\n", percent_encode(CANARY));
        stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        line
    }

    async fn accept(&self) -> WebSocketStream<TcpStream> {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        while !matches!(socket.next().await.unwrap().unwrap(), Message::Ping(_)) {}
        socket
    }

    /// Error messages and the reason of a close.
    async fn complain(&self) {
        let mut socket = self.accept().await;
        let plain = serde_json::json!({ "type": "error", "msg": format!("invalid token {CANARY}") }).to_string();
        let url = format!(r#"{{"type":"error","msg":"no access to /?token={}"}}"#, percent_encode(CANARY));
        for text in [plain, url] {
            socket.send(Message::text(text)).await.unwrap();
        }
        let reason = format!("bye {CANARY}").into();
        socket.send(Message::Close(Some(CloseFrame { code: CloseCode::Policy, reason }))).await.unwrap();
        // Until the other side has read it.
        while let Some(Ok(_)) = socket.next().await {}
    }
}

/// What a process must have logged before it is ended.
async fn until_logged(process: &mut Running, texts: &[&str]) {
    tokio::task::block_in_place(|| {
        wait_for("the log", || {
            assert!(process.is_alive(), "{}", process.stderr());
            let stderr = process.stderr();
            texts.iter().all(|text| stderr.contains(text)).then_some(())
        });
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_hides_the_token_that_a_feed_echoes() {
    let (feed, home) = (Echo::start().await, Home::new());
    let line = format!("ingest --log dir:log --source a --symbols A --url ws://{}/", feed.address);
    let mut ingest = home.start_with(&line, &[LOUD, ("FINNHUB_TOKEN", CANARY)]);
    let request = feed.answer("500 Internal Server Error").await;
    assert!(request.contains(&percent_encode(CANARY)), "the feed was given the token: {request}");
    feed.complain().await;
    let _socket = feed.accept().await;
    until_logged(&mut ingest, &["TRACE", "?token=", "error message from the feed", "invalid token ***"]).await;
    ingest.terminate();
    let ended = ingest.end("the ingest");
    ended.is(0, &["HTTP status 500", "the feed closed the connection"]);
    assert!(home.path("log/partition-00000.jsonl").exists() && home.path(".tickline/ingest/a.state").exists());
    assert_hidden_in(&ended, &home, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_token_is_hidden() {
    let (feed, home) = (Echo::start().await, Home::new());
    home.write("key", CANARY);
    let line = format!("ingest --log dir:log --source a --symbols A --token-file key --url ws://{}/", feed.address);
    let ingest = home.start_with(&line, &[LOUD]);
    feed.answer("401 Unauthorized").await;
    let ended = tokio::task::block_in_place(|| ingest.end("the ingest"));
    ended.is(2, &["the feed rejected the API token", "FINNHUB_TOKEN", "?token="]);
    assert_hidden_in(&ended, &home, &["key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_hides_the_token_that_a_feed_echoes() {
    let (feed, home) = (Echo::start().await, Home::new());
    let url = format!("ws://{}/", feed.address);
    let settings = [LOUD, ("FINNHUB_TOKEN", CANARY), ("FINNHUB_URL", url.as_str())];
    let mut demo = home.start_with("demo --port 0", &settings);
    feed.complain().await;
    let _socket = feed.accept().await;
    until_logged(&mut demo, &["?token=", "error message from the feed"]).await;
    demo.terminate();
    let ended = demo.end("the demo");
    ended.is(0, &["the feed closed the connection"]);
    assert_hidden_in(&ended, &home, &[]);
}
