//! TLS for network connections: the cryptography provider, and trusted authorities.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{ClientConfig, RootCertStore};

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

/// Installs AWS-LC as the process's cryptography provider. Call it before the first connection; repeated calls are
/// harmless.
pub fn install_provider() {
    // An error means that a provider is already installed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The certificates in a PEM file, at least one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, BadCertificates> {
    let bad = |why: String| BadCertificates { path: path.display().to_string(), why };
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = found.map_err(|error| match error {
        pem::Error::Io(error) => bad(os_error::why(&error)),
        other => bad(other.to_string()),
    })?;
    if found.is_empty() {
        return Err(bad("it contains no PEM certificate".to_owned()));
    }
    Ok(found)
}

/// The authorities in a PEM file.
pub fn authorities(path: &Path) -> Result<RootCertStore, BadCertificates> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        let bad = |why: rustls::Error| BadCertificates { path: path.display().to_string(), why: why.to_string() };
        roots.add(certificate).map_err(bad)?;
    }
    Ok(roots)
}

/// Client configuration that trusts only the authorities in a PEM file.
pub fn trusting(path: &Path) -> Result<Arc<ClientConfig>, BadCertificates> {
    install_provider();
    let roots = authorities(path)?;
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}
