//! `wss`: a feed behind TLS is accepted with its certificate, and rejected without.

use std::path::Path;

use futures_util::{SinkExt as _, StreamExt as _};
use openssl::ssl::SslVersion;
use tickline::finnhub::Secret;
use tickline::finnhub::config::FeedConfig;
use tickline::finnhub::connection::{Received, connect};
use tickline::finnhub::error::SocketError;
use tickline::tls;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

use crate::shared::certificates::Identity;

/// Serves one text per connection, up to this version of TLS.
async fn serve(identity: &Identity, newest: SslVersion) -> String {
    let mut acceptor = tls::server().unwrap();
    acceptor.set_certificate(&identity.certificate).unwrap();
    acceptor.set_private_key(&identity.key).unwrap();
    acceptor.set_min_proto_version(None).unwrap();
    acceptor.set_max_proto_version(Some(newest)).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust the certificate disconnects here.
            let Ok(stream) = tls::accept(&acceptor, stream).await else { continue };
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            socket.send(Message::text("hello")).await.unwrap();
            // Until the client closes.
            while let Some(Ok(_)) = socket.next().await {}
        }
    });
    format!("wss://localhost:{port}/")
}

fn trust(file: &Path, certificate: &Identity) -> FeedConfig {
    std::fs::write(file, certificate.pem()).unwrap();
    FeedConfig { tls: Some(tls::trusting(file).unwrap().build()), ..config("") }
}

async fn rejection(config: &FeedConfig) -> String {
    let error = connect(config).await.err().unwrap();
    assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
    let SocketError::Failed { why } = error else { panic!("{error:?}") };
    why
}

fn config(url: &str) -> FeedConfig {
    FeedConfig::new(url.to_owned(), Secret::new("s3cr3t"), Vec::new())
}

#[tokio::test]
async fn tls_needs_a_trusted_certificate() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("ca.pem");
    let identity = Identity::self_signed("localhost");
    let url = serve(&identity, SslVersion::TLS1_3).await;
    let mut socket = connect(&FeedConfig { url: url.clone(), ..trust(&file, &identity) }).await.unwrap();
    let received = socket.next().await.unwrap();
    assert!(matches!(&received, Received::Text { text, .. } if text.as_str() == "hello"), "{received:?}");
    socket.close().await;
    let why = rejection(&config(&url)).await;
    assert!(why.contains("invalid peer certificate: self-signed"), "{why}");
    let why = rejection(&FeedConfig { url, ..trust(&file, &Identity::authority()) }).await;
    assert!(why.contains("invalid peer certificate"), "{why}");
}

#[tokio::test]
async fn certificate_must_be_for_the_host() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("ca.pem");
    let authority = Identity::authority();
    let with = |url: String| FeedConfig { url, ..trust(&file, &authority) };
    let url = serve(&authority.issue("localhost"), SslVersion::TLS1_3).await;
    connect(&with(url.clone())).await.unwrap().close().await;
    let why = rejection(&with(url.replace("localhost", "127.0.0.1"))).await;
    assert!(why.contains("IP address mismatch"), "{why}");
    let url = serve(&authority.issue("127.0.0.1"), SslVersion::TLS1_3).await;
    connect(&with(url.replace("localhost", "127.0.0.1"))).await.unwrap().close().await;
    let why = rejection(&with(url)).await;
    assert!(why.contains("ostname mismatch"), "{why}");
    // A common name does not count.
    let named = Identity::new("localhost", &["127.0.0.1"], Some(&authority));
    let why = rejection(&with(serve(&named, SslVersion::TLS1_3).await)).await;
    assert!(why.contains("ostname mismatch"), "{why}");
}

#[tokio::test]
async fn versions_before_1_2_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let identity = Identity::self_signed("localhost");
    let with = |url: String| FeedConfig { url, ..trust(&home.path().join("ca.pem"), &identity) };
    connect(&with(serve(&identity, SslVersion::TLS1_2).await)).await.unwrap().close().await;
    let why = rejection(&with(serve(&identity, SslVersion::TLS1_1).await)).await;
    assert!(why.contains("TLS handshake failed"), "{why}");
}

#[test]
fn a_file_without_certificates_is_rejected() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("none.pem");
    assert!(tls::trusting(&path).is_err());
    std::fs::write(&path, "nothing\n").unwrap();
    assert!(tls::trusting(&path).err().unwrap().to_string().contains("no PEM certificate"));
}
