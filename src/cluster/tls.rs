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

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::connection::Connection;
use super::{ClusterError, hosts};
use crate::tls::{authorities, certificates, install_provider};

/// Timeout for sending buffered data at the end of a process.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// The certificates of this process, and the runtime that encrypts.
pub struct Tls {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
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
        install_provider();
        let bad = |name: &str, why: String| ClusterError::Tls { path: dir.join(name), why };
        let roots = Arc::new(authorities(&dir.join("ca.pem"))?);
        let chain = certificates(&dir.join("cert.pem"))?;
        let key = PrivateKeyDer::from_pem_file(dir.join("key.pem")).map_err(|e| bad("key.pem", e.to_string()))?;
        let verifier = WebPkiClientVerifier::builder(Arc::clone(&roots)).build();
        let verifier = verifier.map_err(|error| bad("ca.pem", error.to_string()))?;
        let server = ServerConfig::builder().with_client_cert_verifier(verifier);
        let server = server.with_single_cert(chain.clone(), key.clone_key());
        let client = ClientConfig::builder().with_root_certificates(roots).with_client_auth_cert(chain, key);
        let (server, client) = server
            .and_then(|server| Ok((server, client?)))
            .map_err(|error| bad("cert.pem", format!("it cannot be used with key.pem: {error}")))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(server)),
            connector: TlsConnector::from(Arc::new(client)),
            pumps: Arc::default(),
            runtime: runtime.map_err(|error| bad("", error.to_string()))?,
        })
    }

    /// Accepts a connection. Also returns the certificate that the other side presented.
    pub fn accept(&self, stream: TcpStream, within: Duration) -> Result<(Connection, CertificateDer<'static>), Error> {
        self.runtime.block_on(async {
            let stream = asynchronous(stream)?;
            let session = timeout(within, self.acceptor.accept(stream)).await??;
            let presented = session.get_ref().1.peer_certificates().and_then(<[_]>::first).cloned();
            let presented = presented.ok_or_else(|| Error::other("it presented no certificate"))?;
            Ok((self.pump(session)?, presented))
        })
    }

    /// Opens a connection; the certificate of the other side must be for this host.
    pub fn connect(&self, stream: TcpStream, address: &str, within: Duration) -> Result<Connection, Error> {
        let name = name_of(address).ok_or_else(|| Error::other("its host name is not valid in a certificate"))?;
        self.runtime.block_on(async {
            let stream = asynchronous(stream)?;
            let session = timeout(within, self.connector.connect(name, stream)).await??;
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

/// Whether a certificate is for the host of this address.
pub fn is_for(certificate: &CertificateDer<'_>, address: &str) -> bool {
    let Some(name) = name_of(address) else { return false };
    let parsed = ParsedCertificate::try_from(certificate);
    parsed.and_then(|parsed| rustls::client::verify_server_name(&parsed, &name)).is_ok()
}

fn name_of(address: &str) -> Option<ServerName<'static>> {
    hosts::split(address).and_then(|(host, _)| ServerName::try_from(host.to_owned()).ok())
}

fn asynchronous(stream: TcpStream) -> Result<tokio::net::TcpStream, Error> {
    stream.set_nonblocking(true)?;
    tokio::net::TcpStream::from_std(stream)
}
