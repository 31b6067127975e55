//! TLS of the uplink: certificate chain and key from PEM files, read once at start.

use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::options::TlsFiles;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {what} {path}: {why}")]
pub struct TlsError {
    what: &'static str,
    path: String,
    why: String,
}

/// An acceptor with the certificate and key of the files.
///
/// # Errors
/// Names the file that cannot be used and why.
pub fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let bad = |what, path: &std::path::Path, why: &dyn std::fmt::Display| TlsError {
        what,
        path: path.display().to_string(),
        why: why.to_string(),
    };
    let chain_error = |why: &dyn std::fmt::Display| bad("certificate", &files.certificates, why);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificates)
        .map_err(|error| chain_error(&error))?
        .collect::<Result<_, _>>()
        .map_err(|error| chain_error(&error))?;
    if chain.is_empty() {
        return Err(chain_error(&"it holds no certificate"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| bad("private key", &files.key, &error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| chain_error(&error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| bad("private key", &files.key, &error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
