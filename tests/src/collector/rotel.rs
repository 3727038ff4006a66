//! A real collector: rotel, in a process of its own. It prints the spans that it takes, and hands them on to X-Ray.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::span::{Attribute, Kind, Link, Span, Spans, Status};
use crate::clock;
use crate::emulator::process::Daemon;
use crate::emulator::registry::Run;
use crate::emulator::venv;

const LOCK: &str = include_str!("../emulator/rotel.lock");
/// It starts in 40 ms; its environment is made in seconds, where it is not there yet.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// A running rotel, until it is dropped.
#[derive(Debug)]
pub struct Rotel {
    url: String,
    log: PathBuf,
    _daemon: Daemon,
}

impl Rotel {
    /// Starts one that exports to the X-Ray API at `xray`.
    ///
    /// # Errors
    /// Its environment cannot be made: it needs Python 3.10 or later, and a package index the first time.
    pub async fn start(xray: &str) -> Result<Self> {
        let xray = xray.to_owned();
        let rotel = tokio::task::spawn_blocking(move || Self::start_blocking(&xray)).await??;
        let address = rotel.url.trim_start_matches("http://").to_owned();
        clock::eventually("rotel listens", START_DEADLINE, || async {
            let connected = tokio::net::TcpStream::connect(&address).await;
            Ok(connected.is_ok().then_some(()))
        })
        .await
        .with_context(|| std::fs::read_to_string(&rotel.log).unwrap_or_default())?;
        Ok(rotel)
    }

    fn start_blocking(xray: &str) -> Result<Self> {
        let environment = venv::environment("rotel", LOCK)?;
        let (http, grpc) = (venv::free_port()?, venv::free_port()?);
        let folder = Run::current()?.folder().join(format!("rotel-{http}"));
        let mut command = Command::new(agent(&environment)?);
        command
            .arg("start")
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")])
            .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")])
            .args(["--batch-timeout", "50ms"])
            .args(["--debug-log", "traces", "--debug-log-verbosity", "detailed"])
            .args([
                "--exporter",
                "aws-xray",
                "--xray-exporter-custom-endpoint",
                xray,
            ])
            .arg("--pid-file")
            .arg(folder.join("pid"))
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_SESSION_TOKEN", "test");
        Ok(Self {
            url: format!("http://127.0.0.1:{http}"),
            log: folder.join("log"),
            _daemon: Daemon::start(command, &folder)?,
        })
    }

    /// The value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Every span that it printed so far.
    ///
    /// # Errors
    /// Its output cannot be read.
    pub fn spans(&self) -> Result<Spans> {
        Ok(parse(&std::fs::read_to_string(&self.log)?))
    }

    /// Waits until the spans so far are as `look` wants them.
    ///
    /// # Errors
    /// They never are; the message shows them.
    pub async fn eventually<T>(
        &self,
        what: &str,
        deadline: Duration,
        look: impl Fn(&Spans) -> Option<T>,
    ) -> Result<T> {
        let waited = clock::eventually(what, deadline, || async { Ok(look(&self.spans()?)) });
        waited
            .await
            .with_context(|| self.spans().map(|spans| spans.tree()).unwrap_or_default())
    }
}

/// The program within the wheel; it has no name in `bin`.
fn agent(environment: &Path) -> Result<PathBuf> {
    let libraries = std::fs::read_dir(environment.join("lib"))?;
    let mut programs = libraries
        .filter_map(Result::ok)
        .map(|python| python.path().join("site-packages/rotel/rotel-agent"));
    programs
        .find(|program| program.is_file())
        .context("rotel's wheel has no rotel-agent")
}

/// Which list of a span the lines belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Resource,
    Head,
    Attributes,
    Events,
    Links,
}

/// Reads what rotel prints of traces, in detail.
pub fn parse(text: &str) -> Spans {
    let mut reader = Reader {
        spans: Vec::new(),
        resource: BTreeMap::new(),
        scope: String::new(),
        place: Place::Head,
    };
    for line in text.lines() {
        reader.line(line);
    }
    Spans(reader.spans)
}

struct Reader {
    spans: Vec<Span>,
    resource: BTreeMap<String, Attribute>,
    scope: String,
    place: Place,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let trimmed = line.trim();
        if trimmed.starts_with("ResourceSpans #") {
            self.resource.clear();
        } else if trimmed == "Resource attributes:" {
            self.place = Place::Resource;
        } else if let Some(scope) = trimmed.strip_prefix("InstrumentationScope ") {
            scope
                .split(' ')
                .next()
                .unwrap_or_default()
                .clone_into(&mut self.scope);
        } else if trimmed.starts_with("Span #") {
            self.place = Place::Head;
            self.spans.push(blank(&self.resource, &self.scope));
        } else if trimmed == "Attributes:" {
            self.place = Place::Attributes;
        } else if trimmed == "Events:" {
            self.place = Place::Events;
        } else if trimmed == "Links:" {
            self.place = Place::Links;
        } else if let Some((name, value)) = trimmed
            .strip_prefix("-> ")
            .and_then(|pair| pair.split_once(": "))
        {
            self.pair(name, value);
        } else if let Some((name, value)) = trimmed.split_once(':') {
            self.fact(name.trim(), value.trim());
        }
    }

    fn pair(&mut self, name: &str, value: &str) {
        let place = self.place;
        let Some(span) = self.spans.last_mut().filter(|_| place != Place::Resource) else {
            self.resource.insert(name.to_owned(), attribute(value));
            return;
        };
        match (place, name) {
            (Place::Attributes, _) => {
                span.attributes.insert(name.to_owned(), attribute(value));
            }
            (Place::Links, "Trace ID") => span.links.push(Link {
                trace_id: value.to_owned(),
                span_id: String::new(),
            }),
            (Place::Links, "ID") => {
                if let Some(link) = span.links.last_mut() {
                    value.clone_into(&mut link.span_id);
                }
            }
            (Place::Events, "Name") => span.events.push((value.to_owned(), BTreeMap::new())),
            (Place::Events, _) => {
                if let Some((_, attributes)) = span.events.last_mut() {
                    attributes.insert(name.to_owned(), attribute(value));
                }
            }
            (Place::Resource | Place::Head | Place::Links, _) => {}
        }
    }

    fn fact(&mut self, name: &str, value: &str) {
        let Some(span) = self.spans.last_mut() else {
            return;
        };
        let value = value.to_owned();
        match name {
            "Trace ID" => span.trace_id = value,
            "Parent ID" => span.parent = Some(value).filter(|id| !id.is_empty()),
            "ID" => span.span_id = value,
            "Name" => span.name = value,
            "Kind" => span.kind = kind(&value),
            "Start time" => span.start = value.parse().unwrap_or_default(),
            "End time" => span.end = value.parse().unwrap_or_default(),
            "Status code" if value == "STATUS_CODE_ERROR" => {
                span.status = Status::Error(String::new());
            }
            "Status code" if value == "STATUS_CODE_OK" => span.status = Status::Ok,
            "Status message" if matches!(span.status, Status::Error(_)) => {
                span.status = Status::Error(value);
            }
            _ => {}
        }
    }
}

fn blank(resource: &BTreeMap<String, Attribute>, scope: &str) -> Span {
    Span {
        resource: resource.clone(),
        scope: scope.to_owned(),
        trace_id: String::new(),
        span_id: String::new(),
        parent: None,
        name: String::new(),
        kind: Kind::Unspecified,
        start: 0,
        end: 0,
        attributes: BTreeMap::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: Status::Unset,
    }
}

fn kind(name: &str) -> Kind {
    match name {
        "SPAN_KIND_INTERNAL" => Kind::Internal,
        "SPAN_KIND_SERVER" => Kind::Server,
        "SPAN_KIND_CLIENT" => Kind::Client,
        "SPAN_KIND_PRODUCER" => Kind::Producer,
        "SPAN_KIND_CONSUMER" => Kind::Consumer,
        _ => Kind::Unspecified,
    }
}

/// `Str(POST)`, `Int(202)`, `Bool(true)`, `Double(1.5)`.
fn attribute(printed: &str) -> Attribute {
    let parts = printed
        .strip_suffix(')')
        .and_then(|printed| printed.split_once('('));
    let read = parts.and_then(|(kind, value)| match kind {
        "Str" => Some(Attribute::Text(value.to_owned())),
        "Int" => value.parse().ok().map(Attribute::Int),
        "Bool" => value.parse().ok().map(Attribute::Bool),
        "Double" => value.parse().ok().map(Attribute::Double),
        _ => None,
    });
    read.unwrap_or_else(|| Attribute::Other(printed.to_owned()))
}
