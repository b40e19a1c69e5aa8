//! TLS for everything that leaves the machine: one provider of cryptography, and whom to trust.

/// Makes *ring* the process' provider of cryptography. Call it before the first connection; more calls do no harm.
pub fn install_provider() {
    // An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
