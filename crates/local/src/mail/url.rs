//! Where mail is sent by SMTP.

use lettre::transport::smtp::authentication::Credentials;
use std::net::IpAddr;
use url::{Host, Url};

/// Where mail is sent by SMTP: `smtp://user:password@host:587` (STARTTLS), or `smtps://user:password@host:465` (TLS from the first byte).
///
/// `smtp://` to this machine itself goes without TLS where the server offers none, or with `?tls=off`; to another machine only with
/// `?tls=off`, and never with a password.
#[derive(Clone)]
pub struct SmtpUrl {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) credentials: Option<Credentials>,
}

/// How the connection is kept private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    /// From the first byte.
    Implicit,
    /// By STARTTLS; nothing is sent without it.
    Required,
    /// By STARTTLS where the server offers it: this machine itself.
    Offered,
    /// Not at all: the operator says that the network is private.
    Off,
}

/// A text that is not the URL of a mail server. It never shows the text, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the URL of a mail server: {0}")]
pub struct SmtpUrlError(pub &'static str);

impl SmtpUrl {
    /// Takes a URL. A user or password with special characters is percent-encoded.
    pub fn parse(url: &str) -> Result<Self, SmtpUrlError> {
        check_login(url)?;
        let url = Url::parse(url)
            .map_err(|_not_a_url| SmtpUrlError("it has the form smtp://user:password@host:587"))?;
        let host = url.host().ok_or(SmtpUrlError("it names no host"))?;
        let credentials = credentials(&url)?;
        let off = match url.query() {
            None => false,
            Some("tls=off") => true,
            Some(_) => return Err(SmtpUrlError("the only option is ?tls=off")),
        };
        let tls = match (url.scheme(), off) {
            ("smtps", false) => Tls::Implicit,
            ("smtps", true) => {
                return Err(SmtpUrlError("smtps:// is TLS; with ?tls=off it is smtp://"));
            }
            ("smtp", true) if credentials.is_some() && !is_this_machine(&url) => {
                return Err(SmtpUrlError("a password is never sent without TLS"));
            }
            ("smtp", true) => Tls::Off,
            ("smtp", false) if is_this_machine(&url) => Tls::Offered,
            ("smtp", false) => Tls::Required,
            _ => return Err(SmtpUrlError("it begins with smtp:// or smtps://")),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(SmtpUrlError("nothing follows the port but ?tls=off"));
        }
        Ok(Self {
            host: host_name(&host)?,
            port: port(&url, tls)?,
            tls,
            credentials,
        })
    }
}

/// What a password has in it that ends the host for a URL: everything before the @ would be taken for something else, and the password for
/// the host's port.
fn check_login(url: &str) -> Result<(), SmtpUrlError> {
    if url.contains(char::is_control) {
        return Err(SmtpUrlError("it holds a control character"));
    }
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let login = rest.rsplit_once('@').map_or("", |(login, _)| login);
    Err(SmtpUrlError(
        match login.chars().find(|c| matches!(c, '#' | '/' | '?')) {
            None => return Ok(()),
            Some('#') => "a # in user or password is written %23",
            Some('/') => "a / in user or password is written %2F",
            Some(_) => "a ? in user or password is written %3F",
        },
    ))
}

fn host_name(host: &Host<&str>) -> Result<String, SmtpUrlError> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    match host {
        Host::Domain(name) if name.bytes().all(is_plain) => Ok((*name).to_owned()),
        Host::Domain(_) => Err(SmtpUrlError(
            "its host is a name as it stands in the DNS (xn--… where it has other letters), or an address",
        )),
        Host::Ipv4(address) => Ok(address.to_string()),
        Host::Ipv6(address) => Ok(address.to_string()),
    }
}

/// The port. On another machine the two usual ones say how TLS begins (RFC 8314): the wrong one would wait for a greeting that never comes.
fn port(url: &Url, tls: Tls) -> Result<u16, SmtpUrlError> {
    let is_ours = is_this_machine(url);
    match (url.port(), tls) {
        (None, Tls::Implicit) => Ok(465),
        (None, Tls::Required | Tls::Offered | Tls::Off) => Ok(587),
        (Some(0), _) => Err(SmtpUrlError("its port is 1 to 65535")),
        (Some(465), Tls::Required) => Err(SmtpUrlError(
            "port 465 is TLS from the first byte: smtps://",
        )),
        (Some(587), Tls::Implicit) if !is_ours => {
            Err(SmtpUrlError("port 587 begins without TLS: smtp://"))
        }
        (Some(port), _) => Ok(port),
    }
}

fn credentials(url: &Url) -> Result<Option<Credentials>, SmtpUrlError> {
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_not_text| SmtpUrlError("user and password are percent-encoded UTF-8"))
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (user, Some(password)) if !user.is_empty() => {
            Ok(Some(Credentials::new(decoded(user)?, decoded(password)?)))
        }
        _ => Err(SmtpUrlError("a user comes with a password")),
    }
}

/// The URL parser leaves the host of a scheme that it does not know as text.
fn is_this_machine(url: &Url) -> bool {
    let host = url
        .host_str()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Without the password.
impl std::fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "SmtpUrl({}:{}, {:?}, credentials: {})",
            self.host,
            self.port,
            self.tls,
            self.credentials.is_some()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: &str) {
        let url = SmtpUrl::parse(url).unwrap();
        let login = if url.credentials.is_some() {
            "login"
        } else {
            "none"
        };
        let parsed = format!("{} {} {:?} {login}", url.host, url.port, url.tls);
        assert_eq!(parsed, expected);
    }

    #[test]
    fn a_url_says_host_port_and_how_private() {
        check("smtps://u:p@mx.example", "mx.example 465 Implicit login");
        check("smtp://u:p%40x@mx.example", "mx.example 587 Required login");
        check("smtp://mx.example:25", "mx.example 25 Required none");
        check("smtp://relay.lan:25?tls=off", "relay.lan 25 Off none");
        check("smtp://127.0.0.1:2525", "127.0.0.1 2525 Offered none");
        check("smtp://[::1]:2525/", "::1 2525 Offered none");
    }

    #[test]
    fn a_url_that_would_send_a_password_openly_is_refused() {
        for bad in [
            "",
            "mail.example.com",
            "http://mail.example.com",
            "smtp://",
            "smtp://u:p@mail.example.com?tls=off",
            "smtp://u@mail.example.com",
            "smtps://mail.example.com?tls=off",
            "smtp://mail.example.com/path",
            "smtp://mail.example.com?x=y",
            "smtp://:p@mail.example.com",
        ] {
            assert!(SmtpUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[track_caller]
    fn check_hint(url: &str, hint: &str) {
        let error = SmtpUrl::parse(url).err().unwrap().to_string();
        assert!(error.contains(hint), "{url}: {error}");
        assert!(!error.contains("inter"), "it shows the password: {error}");
    }

    #[test]
    fn a_part_of_a_url_that_would_be_overlooked_is_refused_with_the_way_to_write_it() {
        check_hint("smtp://leads:2026#Winter@mail.example.com:587", "%23");
        check_hint("smtp://leads:2026/Winter@mail.example.com:587", "%2F");
        check_hint("smtp://leads:2026?Winter@mail.example.com:587", "%3F");
        check_hint("smtp://leads:2026@Win#ter@mail.example.com", "%23");
        check_hint("smtp://mail.example.com#Winter", "nothing follows the port");
        check_hint(
            "smtp://leads:Win\tter@mail.example.com",
            "control character",
        );
        check_hint("smtp://b\u{fc}cher.example", "xn--");
        check_hint("smtp://mail.example.com:0", "1 to 65535");
        check_hint("smtp://mail.example.com:465", "smtps://");
        check_hint("smtps://mail.example.com:587", "smtp://");
        check(
            "smtp://leads:2026%23Winter@mail.example.com:587",
            "mail.example.com 587 Required login",
        );
        check(
            "smtp://leads:2026@Winter@mail.example.com",
            "mail.example.com 587 Required login",
        );
    }

    #[test]
    fn a_password_is_never_printed() {
        let url = SmtpUrl::parse("smtps://user:hunter2@mail.example.com").unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
    }
}
