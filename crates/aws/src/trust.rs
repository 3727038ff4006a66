//! Whose certificates are trusted: a bundle where one is named, else roots that are built in.
//!
//! Nothing is read from the system: Lambda's bundle alone costs more than the rest of a cold start. AWS signs its own endpoints, so five
//! roots are enough for them; Mozilla's whole list is there for other endpoints and partitions.

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// Which roots are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// Amazon's own: enough for every endpoint of the partition `aws`.
    Amazon,
    /// Mozilla's list.
    Mozilla,
    /// The roots of a PEM file (`AWS_CA_BUNDLE`), and no others.
    Bundle(Vec<u8>),
}

/// A PEM file that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// It is not PEM.
    #[error("is not a PEM file")]
    Pem,
    /// It is PEM, but one of its certificates is none.
    #[error("holds a certificate that cannot be read")]
    Certificate,
    /// There is nothing in it.
    #[error("holds no certificate")]
    Empty,
}

impl Roots {
    /// The TLS context that trusts these roots. A bundle is checked first, since the SDK panics on a bad one.
    pub fn context(&self) -> Result<TlsContext, BundleError> {
        let mut store = TrustStore::empty();
        match self {
            Self::Bundle(pem) => {
                check_bundle(pem)?;
                store.add_pem_certificate(pem.clone());
            }
            Self::Amazon | Self::Mozilla => {
                let is_trusted = |root: &&_| *self == Self::Mozilla || is_amazon(root);
                for root in TLS_SERVER_ROOT_CERTS.iter().filter(is_trusted) {
                    store.add_pem_certificate(pem_of(root));
                }
            }
        }
        Ok(TlsContext::builder()
            .with_trust_store(store)
            .build()
            .expect("a trust store is all that it is made of"))
    }
}

fn check_bundle(pem: &[u8]) -> Result<(), BundleError> {
    let mut count = 0_usize;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_quotes_input| BundleError::Pem)?;
        webpki::anchor_from_trusted_cert(&certificate)
            .map_err(|_no_detail_helps| BundleError::Certificate)?;
        count += 1;
    }
    if count == 0 {
        Err(BundleError::Empty)
    } else {
        Ok(())
    }
}

/// Amazon Root CA 1 to 4, and Starfield's Services root, which Amazon owns too: the five that AWS asks its clients to trust.
fn is_amazon(root: &CertificateDer<'_>) -> bool {
    let names = [
        &b"Amazon Root CA "[..],
        &b"Starfield Services Root Certificate Authority"[..],
    ];
    names
        .iter()
        .any(|name| root.windows(name.len()).any(|window| window == *name))
}

fn pem_of(certificate: &CertificateDer<'_>) -> String {
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        BASE64_STANDARD.encode(certificate)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_roots_of_amazon_are_built_in() {
        let amazons = TLS_SERVER_ROOT_CERTS.iter().filter(|root| is_amazon(root));
        assert_eq!(amazons.count(), 5);
    }

    #[test]
    fn every_built_in_root_can_be_read() {
        for root in TLS_SERVER_ROOT_CERTS {
            assert_eq!(check_bundle(pem_of(root).as_bytes()), Ok(()));
        }
        assert!(Roots::Amazon.context().is_ok());
        assert!(Roots::Mozilla.context().is_ok());
    }

    #[test]
    fn a_bundle_that_is_none_is_refused_and_not_a_panic() {
        let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let cut = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
        for (pem, error) in [
            ("", BundleError::Empty),
            ("hello", BundleError::Empty),
            (bad, BundleError::Certificate),
            (cut, BundleError::Pem),
        ] {
            let refused = Roots::Bundle(pem.into()).context().err();
            assert_eq!(refused, Some(error), "{pem}");
        }
    }
}
