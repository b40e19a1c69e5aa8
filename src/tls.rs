//! TLS for everything that leaves the machine: one provider of cryptography, and whom to trust.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

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

/// A client that trusts the authorities of a PEM file, and no others.
pub fn trusting(path: &Path) -> Result<Arc<ClientConfig>, BadCertificates> {
    let bad = |why: String| BadCertificates { path: path.display().to_string(), why };
    install_provider();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))? {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(bad("it holds no certificate in PEM form".to_owned()));
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}
