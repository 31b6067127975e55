//! TLS of the uplink: rustls with aws-lc-rs, trusting the authorities of one file and nobody else.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::UplinkConfig;

/// Builds the client side from the files of the configuration.
///
/// # Errors
/// A sentence that names the file.
pub fn client_config(uplink: &UplinkConfig) -> Result<Arc<ClientConfig>, String> {
    let Some(ca_file) = &uplink.ca_file else {
        return Err("wss:// needs uplink.ca_file, the authorities that may have signed the center's certificate".into());
    };
    let roots = roots(ca_file)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("cannot set up TLS: {e}"))?
        .with_root_certificates(roots);
    let config = match &uplink.client_cert {
        None => builder.with_no_client_auth(),
        Some((cert_file, key_file)) => {
            let key = private_key(key_file)?;
            builder.with_client_auth_cert(certificates(cert_file)?, key).map_err(|e| {
                format!("{} and {} do not fit: {e}", cert_file.display(), key_file.display())
            })?
        }
    };
    Ok(Arc::new(config))
}

/// Everything that is wrong with the files, each with the key of the configuration that names it.
#[must_use]
pub fn problems(uplink: &UplinkConfig) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    let mut check = |key, result: Result<(), String>| {
        if let Err(message) = result {
            problems.push((key, message));
        }
    };
    if let Some(ca_file) = &uplink.ca_file {
        check("ca_file", roots(ca_file).map(drop));
    }
    if let Some((cert_file, key_file)) = &uplink.client_cert {
        check("client_cert_file", certificates(cert_file).map(drop));
        check("client_key_file", private_key(key_file).map(drop));
    }
    // Each is good by itself: do they fit together?
    if problems.is_empty()
        && uplink.ca_file.is_some()
        && let Err(message) = client_config(uplink)
    {
        problems.push(("client_cert_file", message));
    }
    problems
}

fn roots(ca_file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca_file)? {
        roots
            .add(certificate)
            .map_err(|e| format!("a certificate in {} is of no use: {e}", ca_file.display()))?;
    }
    Ok(roots)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(file)
        .map_err(|e| format!("cannot read the key {}: {e}", file.display()))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let cannot = |e: &dyn std::fmt::Display| {
        format!("cannot read the certificates in {}: {e}", file.display())
    };
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).map_err(|e| cannot(&e))?.collect();
    let found = found.map_err(|e| cannot(&e))?;
    if found.is_empty() { Err(cannot(&"there is none")) } else { Ok(found) }
}
