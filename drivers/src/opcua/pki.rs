//! The trust folder as a person uses it.
//!
//! A server's certificate is trusted when it lies in `trusted/`, under whatever name, as `.der` or `.pem`. The library below
//! looks for one canonical name, and lets a copy that it once put into `rejected/` win; both are set right here before each
//! session, so that trusting a server takes one `cp` and no restart.

use std::fs;
use std::path::Path;

use opcua::crypto::CertificateStore;

/// Brings `trusted/` and `rejected/` into the form that the library expects.
pub(super) fn tidy(pki_dir: &Path) {
    let store = CertificateStore::new(pki_dir);
    let (trusted, rejected) = (store.trusted_certs_dir(), store.rejected_certs_dir());
    let Ok(entries) = fs::read_dir(&trusted) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let certificate = match CertificateStore::read_cert(&path) {
            Ok(certificate) => certificate,
            Err(error) => {
                tracing::warn!(
                    driver.name = "opcua",
                    "{} is no certificate and is ignored: {error}",
                    path.display()
                );
                continue;
            }
        };
        let name = CertificateStore::cert_file_name(&certificate);
        let canonical = trusted.join(&name);
        if !canonical.exists() {
            let stored = certificate.to_der().map_err(|e| e.to_string());
            let stored =
                stored.and_then(|der| fs::write(&canonical, der).map_err(|e| e.to_string()));
            if let Err(error) = stored {
                tracing::warn!(
                    driver.name = "opcua",
                    "cannot store {}: {error}",
                    canonical.display()
                );
            }
        }
        let refused = rejected.join(&name);
        if refused.exists()
            && let Err(error) = fs::remove_file(&refused)
        {
            tracing::warn!(driver.name = "opcua", "cannot delete {}: {error}", refused.display());
        }
    }
}
