//! TLS for everything that leaves the machine: one provider of cryptography, and whom to trust.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{ClientConfig, RootCertStore};

use crate::process::os_error;

/// A file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the certificates in {path} cannot be used: {why}")]
pub struct BadCertificates {
    /// The file.
    pub path: String,
    /// What is wrong with it.
    pub why: String,
}

/// Makes AWS-LC the process' provider of cryptography. Call it before the first connection; more calls do no harm.
pub fn install_provider() {
    // An error means that one is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The certificates of a PEM file, of which it holds at least one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, BadCertificates> {
    let bad = |why: String| BadCertificates { path: path.display().to_string(), why };
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = found.map_err(|error| match error {
        pem::Error::Io(error) => bad(os_error::why(&error)),
        other => bad(other.to_string()),
    })?;
    if found.is_empty() {
        return Err(bad("it holds no certificate in PEM form".to_owned()));
    }
    Ok(found)
}

/// The authorities of a PEM file.
pub fn authorities(path: &Path) -> Result<RootCertStore, BadCertificates> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        let bad = |why: rustls::Error| BadCertificates { path: path.display().to_string(), why: why.to_string() };
        roots.add(certificate).map_err(bad)?;
    }
    Ok(roots)
}

/// A client that trusts the authorities of a PEM file, and no others.
pub fn trusting(path: &Path) -> Result<Arc<ClientConfig>, BadCertificates> {
    install_provider();
    let roots = authorities(path)?;
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}
