//! TLS for network connections, from version 1.2 on, by the system's OpenSSL: trusted authorities and handshakes.

use std::io::{Error, ErrorKind};
use std::path::Path;
use std::pin::Pin;

use openssl::error::ErrorStack;
use openssl::ssl::{
    self, Ssl, SslAcceptor, SslAcceptorBuilder, SslConnector, SslConnectorBuilder, SslMethod, SslOptions, SslRef,
    SslSessionCacheMode, SslVersion,
};
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509CheckFlags, X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509StoreContext, X509VerifyResult};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use crate::process::os_error;

/// Error of a certificate file.
#[derive(Debug, thiserror::Error)]
#[error("invalid certificates in {path}: {why}")]
pub struct BadCertificates {
    /// The file.
    pub path: String,
    /// The reason.
    pub why: String,
}

impl BadCertificates {
    fn new(path: &Path, why: impl Into<String>) -> Self {
        Self { path: path.display().to_string(), why: why.into() }
    }
}

/// The certificates in a PEM file, at least one.
pub fn certificates(path: &Path) -> Result<Vec<X509>, BadCertificates> {
    let text = std::fs::read(path).map_err(|error| BadCertificates::new(path, os_error::why(&error)))?;
    let found = X509::stack_from_pem(&text).map_err(|error| BadCertificates::new(path, reason(&error)))?;
    if found.is_empty() {
        return Err(BadCertificates::new(path, "it contains no PEM certificate"));
    }
    Ok(found)
}

/// The authorities in a PEM file.
pub fn authorities(path: &Path) -> Result<X509Store, BadCertificates> {
    let found = certificates(path)?;
    let store = || {
        let mut store = X509StoreBuilder::new()?;
        // Each is trusted as it is, even where another authority issued it.
        store.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        found.into_iter().try_for_each(|certificate| store.add_cert(certificate))?;
        Ok(store.build())
    };
    store().map_err(|error: ErrorStack| BadCertificates::new(path, reason(&error)))
}

/// Settings of a client that trusts only the authorities in a PEM file.
pub fn trusting(path: &Path) -> Result<SslConnectorBuilder, BadCertificates> {
    let trusted = authorities(path)?;
    let mut builder = client().map_err(|error| BadCertificates::new(path, reason(&error)))?;
    builder.set_cert_store(trusted);
    Ok(builder)
}

/// Settings of a client that trusts the authorities of this machine: those of `SSL_CERT_FILE` and `SSL_CERT_DIR` where
/// they are set, else those at the places that systems keep them at.
pub fn trusting_system() -> Result<SslConnectorBuilder, Error> {
    let mut builder = client()?;
    if openssl_probe::has_ssl_cert_env_vars() {
        return Ok(builder);
    }
    // OpenSSL itself knows only the place that it was built with.
    let found = openssl_probe::probe();
    if found.cert_file.is_none() && found.cert_dir.is_empty() {
        let why = "no certificate authorities found: install ca-certificates, or name a file of them in SSL_CERT_FILE";
        return Err(Error::new(ErrorKind::NotFound, why));
    }
    let files = found.cert_file.iter().map(|file| (Some(file.as_path()), None));
    let dirs = found.cert_dir.iter().map(|dir| (None, Some(dir.as_path())));
    files.chain(dirs).try_for_each(|(file, dir)| builder.load_verify_locations(file, dir))?;
    Ok(builder)
}

/// Settings of a client, with all of OpenSSL's checks of the other side.
pub fn client() -> Result<SslConnectorBuilder, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    Ok(builder)
}

/// Settings of a server. Sessions are not resumed: every connection shows its certificates.
pub fn server() -> Result<SslAcceptorBuilder, ErrorStack> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_options(SslOptions::NO_TICKET);
    builder.set_num_tickets(0)?;
    Ok(builder)
}

/// Only alternative names count, as everywhere since 2011: a common name may hold anything.
const HOST_FLAGS: X509CheckFlags = X509CheckFlags::NO_PARTIAL_WILDCARDS.union(X509CheckFlags::NEVER_CHECK_SUBJECT);

/// Whether a certificate is for this host, a name or an IP address. Checks nothing else.
pub fn is_for(certificate: &X509, host: &str) -> Result<bool, ErrorStack> {
    let mut param = X509VerifyParam::new()?;
    param.set_flags(X509VerifyFlags::PARTIAL_CHAIN | X509VerifyFlags::NO_CHECK_TIME)?;
    param.set_hostflags(HOST_FLAGS);
    match host.parse() {
        Ok(ip) => param.set_ip(ip)?,
        Err(_) => param.set_host(without_root(host))?,
    }
    let mut trusted = X509StoreBuilder::new()?;
    trusted.add_cert(certificate.clone())?;
    trusted.set_param(&param)?;
    X509StoreContext::new()?.init(&trusted.build(), certificate, &*Stack::new()?, |check| check.verify_cert())
}

/// A name without the dot that stands for the root: certificates do not hold it.
fn without_root(host: &str) -> &str {
    host.trim_end_matches('.')
}

/// Opens a session; the certificate of the other side must be for this host, a name or an IP address.
pub async fn connect(connector: &SslConnector, host: &str, stream: TcpStream) -> Result<SslStream<TcpStream>, Error> {
    let mut session = connector.configure()?.into_ssl(without_root(host))?;
    session.param_mut().set_hostflags(HOST_FLAGS);
    let mut stream = SslStream::new(session, stream)?;
    let outcome = Pin::new(&mut stream).connect().await;
    outcome.map_err(|error| explain(error, stream.ssl()))?;
    Ok(stream)
}

/// Opens a session over a blocking socket, as librdkafka does: where `verifies_host`, the certificate of the other side
/// must be for this host.
pub fn connect_blocking(
    connector: &SslConnector,
    host: &str,
    verifies_host: bool,
    stream: std::net::TcpStream,
) -> Result<ssl::SslStream<std::net::TcpStream>, Error> {
    let session = connector.configure()?.verify_hostname(verifies_host).into_ssl(without_root(host))?;
    let mut stream = ssl::SslStream::new(session, stream)?;
    let outcome = stream.connect();
    outcome.map_err(|error| explain(error, stream.ssl()))?;
    Ok(stream)
}

/// Accepts a session.
pub async fn accept(acceptor: &SslAcceptor, stream: TcpStream) -> Result<SslStream<TcpStream>, Error> {
    let mut stream = SslStream::new(Ssl::new(acceptor.context())?, stream)?;
    let outcome = Pin::new(&mut stream).accept().await;
    outcome.map_err(|error| explain(error, stream.ssl()))?;
    Ok(stream)
}

/// The reason why a handshake failed.
fn explain(error: ssl::Error, session: &SslRef) -> Error {
    let verdict = session.verify_result();
    if verdict != X509VerifyResult::OK {
        return Error::other(format!("invalid peer certificate: {verdict}"));
    }
    if let Some(stack) = error.ssl_error() {
        return Error::other(format!("TLS handshake failed: {}", reason(stack)));
    }
    match error.into_io_error() {
        Ok(error) => error,
        Err(_) => Error::new(ErrorKind::UnexpectedEof, "the other side ended the TLS handshake"),
    }
}

/// The reason without OpenSSL's codes and file names.
pub fn reason(stack: &ErrorStack) -> String {
    let reason = stack.errors().iter().rev().find_map(openssl::error::Error::reason);
    reason.map_or_else(|| stack.to_string(), str::to_owned)
}
