//! A mail server, and how this machine presents itself to it.

use super::url::SmtpUrl;
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use std::net::IpAddr;
use url::{Host, Url};

/// A mail server, and how this machine presents itself to it.
#[derive(Clone, Debug)]
pub struct SmtpServer {
    /// Where it is.
    pub url: SmtpUrl,
    /// The name that it is greeted with; without one the machine's own.
    pub name: Option<EhloName>,
    /// What is trusted beside the machine's own certificates.
    pub authority: Option<SmtpAuthority>,
}

impl From<SmtpUrl> for SmtpServer {
    fn from(url: SmtpUrl) -> Self {
        Self {
            url,
            name: None,
            authority: None,
        }
    }
}

impl SmtpServer {
    /// What it is greeted with.
    pub(super) fn hello(&self) -> ClientId {
        let name = self.name.clone().or_else(EhloName::of_machine);
        name.map_or_else(ClientId::default, |name| name.0)
    }

    /// How TLS is begun with it.
    pub(super) fn tls(&self) -> Result<TlsParameters, lettre::transport::smtp::Error> {
        let mut builder = TlsParameters::builder(self.url.host.clone());
        if let Some(SmtpAuthority(certificates)) = &self.authority {
            builder = builder.add_root_certificate(certificates.clone());
        }
        builder.build_rustls()
    }
}

/// The name that a mail server is greeted with, in EHLO: a name that the DNS knows, or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EhloName(ClientId);

/// A text that is no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is neither a host name such as mail.example.com nor an address")]
pub struct EhloNameError;

impl EhloName {
    /// Takes a host name or an address.
    pub fn parse(text: &str) -> Result<Self, EhloNameError> {
        let address = text.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = address.parse::<IpAddr>() {
            return Ok(Self::of_address(address));
        }
        let is_label = |label: &str| {
            let is_inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            (1..=63).contains(&label.len())
                && label.bytes().all(is_inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let is_name = text.len() <= 253 && text.split('.').all(is_label);
        is_name
            .then(|| Self(ClientId::Domain(text.to_owned())))
            .ok_or(EhloNameError)
    }

    /// The host of a URL under which others reach this machine.
    pub fn of_url(url: &str) -> Option<Self> {
        match Url::parse(url).ok()?.host()? {
            Host::Domain(name) => Self::parse(name).ok().filter(|_| name.contains('.')),
            Host::Ipv4(address) => Some(Self::of_address(address.into())),
            Host::Ipv6(address) => Some(Self::of_address(address.into())),
        }
    }

    /// The machine's name, where it is one that a server can look up; some refuse an address.
    fn of_machine() -> Option<Self> {
        let system = rustix::system::uname();
        let name = system.nodename().to_str().ok()?;
        Self::parse(name).ok().filter(|_| name.contains('.'))
    }

    fn of_address(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(address) => ClientId::Ipv4(address),
            IpAddr::V6(address) => ClientId::Ipv6(address),
        })
    }
}

/// Certificates of one's own that mail servers are trusted by.
#[derive(Clone, Debug)]
pub struct SmtpAuthority(Certificate);

/// A file that holds no such certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpAuthorityError {
    /// It is something else.
    #[error("holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")]
    None,
    /// It is damaged.
    #[error("holds a certificate that cannot be read")]
    Unreadable,
}

impl SmtpAuthority {
    /// Takes certificates in PEM form.
    pub fn parse(pem: &[u8]) -> Result<Self, SmtpAuthorityError> {
        let begin = b"-----BEGIN CERTIFICATE-----";
        if !pem.windows(begin.len()).any(|part| part == begin) {
            return Err(SmtpAuthorityError::None);
        }
        let unreadable = |_why| SmtpAuthorityError::Unreadable;
        let certificates = Certificate::from_pem(pem).map_err(unreadable)?;
        // lettre looks into them only here.
        TlsParameters::builder("localhost".to_owned())
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificates.clone())
            .build_rustls()
            .map_err(unreadable)?;
        Ok(Self(certificates))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: Option<EhloName>) -> String {
        name.map_or_else(|| "none".to_owned(), |EhloName(name)| name.to_string())
    }

    #[test]
    fn a_server_is_greeted_with_a_name_or_an_address() {
        for (text, expected) in [
            ("mail.example.com", "mail.example.com"),
            ("crm-1", "crm-1"),
            ("203.0.113.7", "[203.0.113.7]"),
            ("[203.0.113.7]", "[203.0.113.7]"),
            ("2001:db8::7", "[IPv6:2001:db8::7]"),
            ("", "none"),
            ("a b", "none"),
            ("mail.example.com\r\nMAIL FROM:<x@y.zz>", "none"),
            ("-a.example", "none"),
            ("https://mail.example.com", "none"),
        ] {
            assert_eq!(shown(EhloName::parse(text).ok()), expected, "{text:?}");
        }
    }

    #[test]
    fn the_public_urls_host_is_a_name_where_others_can_look_it_up() {
        for (url, expected) in [
            ("https://hooks.example.com", "hooks.example.com"),
            ("https://hooks.example.com:8443/leads", "hooks.example.com"),
            ("http://203.0.113.7:8787", "[203.0.113.7]"),
            ("http://[2001:db8::7]/", "[IPv6:2001:db8::7]"),
            ("http://localhost:8787", "none"),
        ] {
            assert_eq!(shown(EhloName::of_url(url)), expected, "{url}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_told_what_it_lacks() {
        let error = |pem: &[u8]| SmtpAuthority::parse(pem).err();
        assert_eq!(error(b""), Some(SmtpAuthorityError::None));
        let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert_eq!(error(key), Some(SmtpAuthorityError::None));
        let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(error(damaged), Some(SmtpAuthorityError::Unreadable));
    }
}
