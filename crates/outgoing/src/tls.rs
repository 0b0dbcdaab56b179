//! Protected connections for protocols that are not HTTP: by the system's roots, or by certificates that the configuration names.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
pub use tokio_rustls::client::TlsStream;

/// Why there is no protected connection.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// `ca_file` holds none.
    #[error("`ca_file` holds no certificate in PEM")]
    NoCertificate,
    /// The host's name is none that a certificate could bear.
    #[error("the host's name fits no certificate")]
    Name,
    /// The library says no.
    #[error("TLS cannot be set up")]
    Library(#[from] rustls::Error),
    /// The handshake failed.
    #[error("no protected connection comes about")]
    Handshake(#[source] std::io::Error),
}

/// The certificates in a text of PEM.
///
/// # Errors
/// [`TlsError::NoCertificate`] when there is none, or one that cannot be read.
pub fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    found.ok().filter(|certificates| !certificates.is_empty()).ok_or(TlsError::NoCertificate)
}

fn client(ca: Option<&str>) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let Some(pem) = ca else {
        let verifier = Arc::new(Verifier::new(provider)?);
        return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate)?;
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Protects a connection to this host; `ca`: certificates in PEM that are trusted instead of the system's.
///
/// # Errors
/// [`TlsError`], also when the host's certificate is not its own.
pub async fn protect(stream: TcpStream, host: &str, ca: Option<&str>) -> Result<TlsStream<TcpStream>, TlsError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name)?;
    TlsConnector::from(Arc::new(client(ca)?)).connect(name, stream).await.map_err(TlsError::Handshake)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_a_certificate_is_refused() {
        assert!(matches!(certificates("nothing"), Err(TlsError::NoCertificate)));
    }
}
