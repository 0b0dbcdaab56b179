//! Protected connections: by the system's roots, or by certificates that the configuration names. And until when a certificate is good.

use std::sync::Arc;

use adapter_sdk::Timestamp;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Why there is no protected connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
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
pub(crate) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
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

/// Protects a connection to this host.
pub(crate) async fn protect(stream: TcpStream, host: &str, ca: Option<&str>) -> Result<TlsStream<TcpStream>, TlsError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name)?;
    TlsConnector::from(Arc::new(client(ca)?)).connect(name, stream).await.map_err(TlsError::Handshake)
}

/// Until when a certificate is good; `None` when it cannot be read.
pub(crate) fn good_until(certificate: &[u8]) -> Option<Timestamp> {
    let mut outer = Der(certificate);
    let mut certificate = Der(outer.value(0x30)?);
    let mut signed = Der(certificate.value(0x30)?);
    if signed.0.first() == Some(&0xA0) {
        signed.any()?; // the version
    }
    signed.value(0x02)?; // the serial number
    signed.value(0x30)?; // the algorithm
    signed.value(0x30)?; // the issuer
    let mut validity = Der(signed.value(0x30)?);
    validity.any()?;
    let (kind, time) = validity.any()?;
    let text = std::str::from_utf8(time).ok()?.strip_suffix('Z')?;
    let full = match kind {
        // Two digits for the year: RFC 5280, 4.1.2.5.1.
        0x17 if text.len() == 12 => format!("{}{text}", if text < "50" { "20" } else { "19" }),
        0x18 => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, until: usize| full.get(from..until);
    format!("{}-{}-{}T{}:{}:{}Z", part(0, 4)?, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?).parse().ok()
}

/// What is left of a DER encoding.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value with its tag.
    fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let (digits, after) = rest.split_at_checked(usize::from(first & 0x7F)).filter(|(digits, _)| (1..=4).contains(&digits.len()))?;
            length = digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit));
            rest = after;
        }
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    /// The next value, when it has this tag.
    fn value(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.any().and_then(|(tag, value)| (tag == wanted).then_some(value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_looked_at_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = good_until(&bytes);
        }
    }

    #[test]
    fn a_text_without_a_certificate_is_refused() {
        assert!(matches!(certificates("nothing"), Err(TlsError::NoCertificate)));
    }
}
