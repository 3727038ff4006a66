//! URLs that differ from what was signed, where a source is configured with one.

use super::case::Case;
use super::clues::{Clues, Ways};
use super::mistake::Mistake;
use crate::source::Headers as _;
use percent_encoding::percent_decode_str;

/// The member that holds it.
const URL: &str = "url";
/// Paths before the API's own: its stages.
const STAGES: [&str; 7] = [
    "/Prod",
    "/prod",
    "/Stage",
    "/stage",
    "/dev",
    "/v1",
    "/$default",
];
const HOSTS: [&str; 3] = ["host", "x-forwarded-host", "x-original-host"];

/// A URL in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    scheme: String,
    host: String,
    path: String,
    query: String,
}

/// A part of a URL as it may have been instead.
type Change = (&'static str, Parts);

/// The configured URL with one part changed, and with two.
pub(super) fn differing<'a>(case: &'a Case, _clues: &'a Clues<'a>) -> Ways<'a> {
    let configured = case.texts().into_iter().find(|(name, _)| name == URL);
    let Some(parts) = configured.and_then(|(_, url)| Parts::of(&url)) else {
        return Box::new(std::iter::empty());
    };
    let single = parts.changes(case);
    let double = single.clone().into_iter().flat_map(|(what, parts)| {
        let more = parts.changes(case).into_iter();
        more.map(move |(_, parts)| (what, parts))
    });
    let all = single.into_iter().chain(double);
    Box::new(all.map(|(what, parts)| (Mistake::Url(what), case.with_text(URL, &parts.to_string()))))
}

impl std::fmt::Display for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = if self.query.is_empty() { "" } else { "?" };
        write!(
            f,
            "{}://{}{}{mark}{}",
            self.scheme, self.host, self.path, self.query
        )
    }
}

impl Parts {
    fn of(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let at = rest.find('/').unwrap_or(rest.len());
        let (host, path) = rest.split_at_checked(at)?;
        Some(Self {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
        })
    }

    fn changes(&self, case: &Case) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut add = |what, change: &dyn Fn(&mut Self)| {
            let mut parts = self.clone();
            change(&mut parts);
            if parts != *self {
                changes.push((what, parts));
            }
        };
        let request = &case.request;
        for scheme in ["https", "http"] {
            add("another scheme", &|parts| {
                scheme.clone_into(&mut parts.scheme);
            });
        }
        for host in HOSTS.iter().filter_map(|name| request.get(name)) {
            add("another host", &|parts| host.clone_into(&mut parts.host));
        }
        let name = self.host.split(':').next().unwrap_or_default();
        for port in ["", ":443", ":80", ":8443", ":8787"] {
            add("another port", &|parts| {
                parts.host = format!("{name}{port}");
            });
        }
        add("another host", &|parts| {
            parts.host = parts.host.to_ascii_lowercase();
        });
        let bare = STAGES
            .iter()
            .find_map(|stage| self.path.strip_prefix(stage))
            .unwrap_or(&self.path);
        add("a stage in its path", &|parts| {
            bare.clone_into(&mut parts.path);
        });
        for stage in STAGES {
            add("a stage in its path", &|parts| {
                parts.path = format!("{stage}{bare}");
            });
        }
        let trimmed = self.path.trim_end_matches('/');
        for end in ["", "/"] {
            add("a slash at the end of its path", &|parts| {
                parts.path = format!("{trimmed}{end}");
            });
        }
        add("another path", &|parts| {
            request.path.clone_into(&mut parts.path);
        });
        add("another query", &|parts| {
            request.query.clone_into(&mut parts.query);
        });
        add("another query", &|parts| parts.query.clear());
        for order in [sort, reverse] {
            add("a query in another order", &|parts| {
                parts.query = order(&parts.query);
            });
        }
        add("another percent encoding", &|parts| {
            parts.query = decode(&parts.query);
            parts.path = decode(&parts.path);
        });
        add("another percent encoding", &|parts| {
            parts.query = parts.query.replace('+', "%20");
        });
        add("another percent encoding", &|parts| {
            parts.query = parts.query.replace("%20", "+");
        });
        changes
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn sort(query: &str) -> String {
    let mut pairs: Vec<_> = query.split('&').collect();
    pairs.sort_unstable();
    pairs.join("&")
}

fn reverse(query: &str) -> String {
    query.split('&').rev().collect::<Vec<_>>().join("&")
}
