//! Pages for a person at this machine, and `/metrics` for a program on it. They only read, and run no script.

mod door;
mod html;
mod lead;
mod start;
mod trace;

use crate::effects::Receivers;
use crate::home::{self, LocalOperated};
use crate::owner_file::OwnerFileLine;
use crate::telemetry_store;
use html::{CONTENT_SECURITY_POLICY, Html};
use hyper::Method;
use hyper::http::request::Parts;
use leadwire_domain::lead::id::LeadId;
use leadwire_local::TelemetryStore;
use leadwire_pipeline::ledger::Ledger;
use leadwire_pipeline::observe::PageFailed;
use leadwire_pipeline::port::Home as _;
use leadwire_telemetry::local::LocalMetrics;
use std::net::IpAddr;

const HTML: &str = "text/html; charset=utf-8";
/// The text form's own version, which readers of it look for.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What every page is answered with, besides its type. Nothing of it is cached, shown in a frame, or disclosed to another site.
pub(crate) const HEADERS: [(&str, &str); 5] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// What the pages show.
pub(crate) struct Pages {
    pub(crate) home: LocalOperated,
    pub(crate) telemetry: TelemetryStore,
    pub(crate) metrics: LocalMetrics,
    pub(crate) receivers: Receivers,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

impl Page {
    fn html(status: u16, html: Html) -> Self {
        Self {
            status,
            content_type: HTML,
            body: html.end(),
        }
    }

    fn note(status: u16, title: &str, text: &str) -> Self {
        let mut html = Html::page(title);
        html.put("<h1>{}</h1><p>{}</p>", &[title, text]);
        Self::html(status, html)
    }
}

/// Which page.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Route {
    Start,
    Metrics,
    Lead(LeadId),
    Trace(String),
}

impl Route {
    fn parse(path: &str) -> Option<Self> {
        match path {
            "/" => return Some(Self::Start),
            "/metrics" => return Some(Self::Metrics),
            _ => {}
        }
        if let Some(id) = path.strip_prefix("/leads/") {
            return LeadId::parse(id).ok().map(Self::Lead);
        }
        let id = path.strip_prefix("/traces/")?;
        let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| Self::Trace(id.to_ascii_lowercase()))
    }
}

impl Pages {
    /// The page that a request asks for. None where there is none, or none for this client: both are answered alike.
    pub(crate) async fn answer(&self, peer: IpAddr, request: &Parts) -> Option<Page> {
        let route = Route::parse(request.uri.path())?;
        let is_read = matches!(request.method, Method::GET | Method::HEAD);
        if !is_read || !door::is_of_this_machine(peer, request) {
            return None;
        }
        let page = match &route {
            Route::Start => self.start().await,
            Route::Metrics => Ok(Page {
                status: 200,
                content_type: PROMETHEUS,
                body: self.metrics.render(),
            }),
            Route::Lead(id) => self.lead(id).await,
            Route::Trace(id) => self.trace(id),
        };
        Some(page.unwrap_or_else(|error| {
            let error = format!("{error:#}");
            PageFailed { error }.emit();
            Page::note(
                503,
                "This page cannot be shown now",
                "What it shows cannot be read. Look at what `leadwire up` prints, and ask `leadwire doctor`.",
            )
        }))
    }

    async fn start(&self) -> anyhow::Result<Page> {
        let (ledger, queue) = (Ledger::new(self.home.store()), &self.home);
        let events = ledger.newest(queue, start::LEADS_SHOWN).await?;
        Ok(Page::html(200, start::render(&events, home::now())))
    }

    async fn lead(&self, lead_id: &LeadId) -> anyhow::Result<Page> {
        let (ledger, queue) = (Ledger::new(self.home.store()), &self.home);
        let events = ledger.lead(queue, lead_id).await?;
        if events.is_empty() {
            let title = format!("No lead {lead_id} here");
            let text = "The start page lists those there are.";
            return Ok(Page::note(404, &title, text));
        }
        let mut traced = Vec::new();
        for event in events {
            let spans = match event.trace_id() {
                Some(id) => telemetry_store::spans_of(&self.telemetry, id)?,
                None => Vec::new(),
            };
            let spans = crate::trace::with_request(&event, spans);
            traced.push((event, spans));
        }
        let problem = OwnerFileLine::look(&self.home, lead_id).await?.problem;
        let known = (&self.receivers, problem.as_deref());
        let page = lead::render(lead_id, &traced, known, home::now());
        Ok(Page::html(200, page))
    }

    fn trace(&self, trace_id: &str) -> anyhow::Result<Page> {
        let spans = telemetry_store::spans_of(&self.telemetry, trace_id)?;
        let Some(waterfall) = crate::trace::arrange(&spans) else {
            let text = "Spans are written a second after they end, and kept for two weeks.";
            return Ok(Page::note(404, "No spans of this trace here", text));
        };
        Ok(Page::html(200, trace::render(&waterfall)))
    }
}

#[cfg(test)]
mod tests;
