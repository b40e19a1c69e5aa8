//! Mutual TLS between processes: each presents a certificate of the cluster's authority, issued for its host in the
//! hosts file.
//!
//! Timely needs a socket that two threads can use at once, which a TLS session cannot provide. So it gets one end of a
//! local socket pair, and a task copies between the other end and the session.

use std::fmt;
use std::io::Error;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslConnector, SslContextBuilder, SslVerifyMode};
use openssl::x509::X509;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::connection::Connection;
use super::{ClusterError, hosts};
use crate::process::os_error;
use crate::tls;

/// Timeout for sending buffered data at the end of a process.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// The certificates of this process, and the runtime that encrypts.
pub struct Tls {
    acceptor: SslAcceptor,
    connector: SslConnector,
    pumps: Arc<AtomicUsize>,
    runtime: Runtime,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// Loads the authority (`ca.pem`), this process's certificate (`cert.pem`) and its key (`key.pem`) from a
    /// directory.
    pub fn load(dir: &Path) -> Result<Self, ClusterError> {
        let bad = |name: &str, why: String| ClusterError::Tls { path: dir.join(name), why };
        let failed = |error: ErrorStack| bad("", tls::reason(&error));
        let ca = dir.join("ca.pem");
        let (by_server, by_client) = (tls::authorities(&ca)?, tls::authorities(&ca)?);
        let identity = Identity {
            chain: tls::certificates(&dir.join("cert.pem"))?,
            key: key(&dir.join("key.pem")).map_err(|why| bad("key.pem", why))?,
        };
        let mut server = tls::server().map_err(failed)?;
        let mut client = tls::client().map_err(failed)?;
        server.set_cert_store(by_server);
        client.set_cert_store(by_client);
        let installed = identity.install(&mut server).and_then(|()| identity.install(&mut client));
        installed
            .map_err(|error| bad("cert.pem", format!("it cannot be used with key.pem: {}", tls::reason(&error))))?;
        server.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Ok(Self {
            acceptor: server.build(),
            connector: client.build(),
            pumps: Arc::default(),
            runtime: runtime.map_err(|error| bad("", error.to_string()))?,
        })
    }

    /// Accepts a connection. Also returns the certificate that the other side presented.
    pub fn accept(&self, stream: TcpStream, within: Duration) -> Result<(Connection, X509), Error> {
        self.runtime.block_on(async {
            let stream = asynchronous(stream)?;
            let session = timeout(within, tls::accept(&self.acceptor, stream)).await??;
            let presented = session.ssl().peer_certificate();
            let presented = presented.ok_or_else(|| Error::other("it presented no certificate"))?;
            Ok((self.pump(session)?, presented))
        })
    }

    /// Opens a connection; the certificate of the other side must be for this host.
    pub fn connect(&self, stream: TcpStream, address: &str, within: Duration) -> Result<Connection, Error> {
        let (host, _) = hosts::split(address).ok_or_else(|| Error::other("its address has no host name"))?;
        self.runtime.block_on(async {
            let stream = asynchronous(stream)?;
            let session = timeout(within, tls::connect(&self.connector, host, stream)).await??;
            self.pump(session)
        })
    }

    fn pump(&self, mut session: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Connection, Error> {
        let (near, far) = UnixStream::pair()?;
        far.set_nonblocking(true)?;
        let mut far = tokio::net::UnixStream::from_std(far)?;
        let pumps = Arc::clone(&self.pumps);
        pumps.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            // The end of the copy closes the near end too, whose reader reports it.
            let _ = copy_bidirectional(&mut session, &mut far).await;
            pumps.fetch_sub(1, Ordering::SeqCst);
        });
        Ok(Connection::Pumped(near))
    }

    /// Waits until all buffered data is sent, after all connections have ended normally.
    pub fn flush(&self) {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        while self.pumps.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// What a process proves itself with.
struct Identity {
    chain: Vec<X509>,
    key: PKey<Private>,
}

impl Identity {
    fn install(&self, context: &mut SslContextBuilder) -> Result<(), ErrorStack> {
        // The first is this process's own, the others lead to the authority.
        for (index, certificate) in self.chain.iter().enumerate() {
            match index {
                0 => context.set_certificate(certificate)?,
                _ => context.add_extra_chain_cert(certificate.clone())?,
            }
        }
        context.set_private_key(&self.key)?;
        context.check_private_key()
    }
}

fn key(path: &Path) -> Result<PKey<Private>, String> {
    let text = std::fs::read(path).map_err(|error| os_error::why(&error))?;
    // With a passphrase OpenSSL does not ask for one on the terminal.
    PKey::private_key_from_pem_passphrase(&text, b"")
        .map_err(|error| format!("it contains no PEM key without a passphrase: {}", tls::reason(&error)))
}

/// Whether a certificate is for the host of this address.
pub fn is_for(certificate: &X509, address: &str) -> bool {
    hosts::split(address).is_some_and(|(host, _)| tls::is_for(certificate, host).unwrap_or(false))
}

fn asynchronous(stream: TcpStream) -> Result<tokio::net::TcpStream, Error> {
    stream.set_nonblocking(true)?;
    tokio::net::TcpStream::from_std(stream)
}
