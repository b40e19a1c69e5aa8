//! `wss`: a feed behind TLS is accepted with its certificate, and rejected without.

use std::path::Path;
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use rcgen::{CertificateParams, KeyPair};
use tickline::finnhub::Secret;
use tickline::finnhub::config::FeedConfig;
use tickline::finnhub::connection::{Received, connect};
use tickline::finnhub::error::SocketError;
use tickline::tls;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_tungstenite::tungstenite::Message;

/// Serves one text per connection, with its own certificate, which it writes to `ca`.
async fn serve(ca: &Path) -> String {
    tls::install_provider();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(ca, certificate.pem()).unwrap();
    let private = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], private.into()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust the certificate disconnects here.
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            socket.send(Message::text("hello")).await.unwrap();
            // Until the client closes.
            while let Some(Ok(_)) = socket.next().await {}
        }
    });
    format!("wss://localhost:{port}/")
}

fn config(url: &str) -> FeedConfig {
    FeedConfig::new(url.to_owned(), Secret::new("s3cr3t"), Vec::new())
}

#[tokio::test]
async fn tls_needs_a_trusted_certificate() {
    let home = tempfile::tempdir().unwrap();
    let ca = home.path().join("ca.pem");
    let url = serve(&ca).await;
    let trusting = FeedConfig { tls: Some(tls::trusting(&ca).unwrap()), ..config(&url) };
    let mut socket = connect(&trusting).await.unwrap();
    let received = socket.next().await.unwrap();
    assert!(matches!(&received, Received::Text { text, .. } if text.as_str() == "hello"), "{received:?}");
    socket.close().await;
    let error = connect(&config(&url)).await.err().unwrap();
    assert!(matches!(&error, SocketError::Failed { why } if why.contains("certificate")), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
}

#[test]
fn a_file_without_certificates_is_rejected() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("none.pem");
    assert!(tls::trusting(&path).is_err());
    std::fs::write(&path, "nothing\n").unwrap();
    assert!(tls::trusting(&path).unwrap_err().to_string().contains("no PEM certificate"));
}
