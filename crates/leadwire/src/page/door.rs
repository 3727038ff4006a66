//! Who may look: only somebody at this machine. The pages show no personal data, yet what comes in from outside is none of theirs.

use hyper::Version;
use hyper::header::{HOST, HeaderMap};
use hyper::http::request::Parts;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Headers that a proxy adds: then the request is not of this machine, although its connection is.
const PROXIED: [&str; 7] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "cf-connecting-ip",
];

/// Whether a request comes from this machine, by no proxy, and under a name of this machine: a page of somewhere else whose name was made
/// to mean this machine sends its own. HTTP/1.0 is what a plain reverse proxy speaks, and no browser.
pub(super) fn is_of_this_machine(peer: IpAddr, request: &Parts) -> bool {
    peer.to_canonical().is_loopback()
        && request.version >= Version::HTTP_11
        && request.uri.authority().is_none()
        && !is_proxied(&request.headers)
        && names_this_machine(&request.headers)
}

fn is_proxied(headers: &HeaderMap) -> bool {
    PROXIED.iter().any(|name| headers.contains_key(*name))
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    host.to_str().is_ok_and(is_name_of_this_machine)
}

fn is_name_of_this_machine(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        // The colons of an IPv6 address stand in brackets.
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, ""),
    };
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    let is_loopback = if let Some(v6) = name.strip_prefix('[') {
        let v6 = v6.strip_suffix(']').map(str::parse::<Ipv6Addr>);
        matches!(v6, Some(Ok(Ipv6Addr::LOCALHOST)))
    } else {
        name.eq_ignore_ascii_case("localhost")
            || name
                .parse::<Ipv4Addr>()
                .is_ok_and(|address| address.is_loopback())
    };
    is_port && is_loopback
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    #[track_caller]
    fn check(peer: &str, headers: &[(&str, &str)], expected: bool) {
        let mut request = Request::builder().uri("/metrics");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(
            is_of_this_machine(peer.parse().unwrap(), &parts),
            expected,
            "{peer} {headers:?}"
        );
    }

    #[test]
    fn this_machine_may_look_under_its_own_names() {
        let hosts = "localhost LocalHost:8787 127.0.0.1:8787 127.8.9.1 [::1]:8787 [::1]";
        for host in hosts.split(' ') {
            for peer in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "127.3.0.1"] {
                check(peer, &[("host", host)], true);
            }
        }
    }

    #[test]
    fn another_name_may_be_one_that_was_made_to_mean_this_machine() {
        let names =
            "example.com localhost.example.com localhost:8787.example.com 127.0.0.1.example.com";
        let addresses = ":8787 127.0.0.1@example.com [::2] [::1 ::1 0.0.0.0 10.0.0.1";
        for host in names.split(' ').chain(addresses.split(' ')).chain([""]) {
            check("127.0.0.1", &[("host", host)], false);
        }
        check("127.0.0.1", &[], false);
        let two = [("host", "localhost"), ("host", "example.com")];
        check("127.0.0.1", &two, false);
    }

    #[test]
    fn other_machines_and_proxies_may_not() {
        check("10.0.0.1", &[("host", "localhost")], false);
        check("2001:db8::1", &[("host", "localhost")], false);
        let headers = PROXIED.into_iter().chain(["X-Forwarded-Proto"]);
        for header in headers {
            check("127.0.0.1", &[("host", "localhost"), (header, "x")], false);
        }
    }

    #[test]
    fn neither_may_an_old_protocol_nor_an_absolute_address() {
        let request = |uri: &str, version| {
            let request = Request::builder().uri(uri).version(version);
            let request = request.header("host", "localhost").body(()).unwrap();
            is_of_this_machine(IpAddr::V4(Ipv4Addr::LOCALHOST), &request.into_parts().0)
        };
        assert!(request("/metrics", Version::HTTP_11));
        assert!(!request("/metrics", Version::HTTP_10));
        assert!(!request("http://localhost/metrics", Version::HTTP_11));
    }
}
