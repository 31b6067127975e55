//! Keys and certificates of OPC UA applications: the simulated servers, and the simulated enterprises' gateways.
//!
//! Made by rcgen, whose native code takes a fraction of a second where the pure-Rust generator of the OPC UA stack takes a minute in
//! a debug build.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why there is no key or certificate.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be written.
    #[error("cannot write a key or certificate")]
    Io(#[from] io::Error),
    /// The generator failed.
    #[error("cannot make a key or certificate")]
    Generate(#[from] rcgen::Error),
}

/// Key and certificate in `own/cert.der` and `private/private.pem` below `pki`: those that are there, else new ones. The
/// application URI stands in the subject alternative name (OPC UA Part 6, 6.2.2). Gives the certificate's path.
///
/// # Errors
/// When a file cannot be written or the generator fails.
pub fn make(
    pki: &Path,
    application_uri: &str,
    common_name: &str,
) -> Result<PathBuf, IdentityError> {
    let (certificate, key) = (pki.join("own/cert.der"), pki.join("private/private.pem"));
    if certificate.exists() && key.exists() {
        return Ok(certificate);
    }
    for folder in ["own", "private", "trusted", "rejected"] {
        fs::create_dir_all(pki.join(folder))?;
    }
    let pair = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)?;
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "Anlan simulator");
    params.subject_alt_names = vec![
        rcgen::SanType::URI(application_uri.try_into()?),
        rcgen::SanType::DnsName("localhost".try_into()?),
        rcgen::SanType::IpAddress([127, 0, 0, 1].into()),
    ];
    params.key_usages = vec![
        rcgen::KeyUsagePurpose::DigitalSignature,
        rcgen::KeyUsagePurpose::ContentCommitment,
        rcgen::KeyUsagePurpose::KeyEncipherment,
        rcgen::KeyUsagePurpose::DataEncipherment,
        rcgen::KeyUsagePurpose::KeyCertSign,
    ];
    params.extended_key_usages = vec![
        rcgen::ExtendedKeyUsagePurpose::ServerAuth,
        rcgen::ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let signed = params.self_signed(&pair)?;
    fs::write(&key, pair.serialize_pem())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    }
    fs::write(&certificate, signed.der())?;
    Ok(certificate)
}
