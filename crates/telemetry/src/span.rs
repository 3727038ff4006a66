//! The spans of a lead's trace: their names and attributes follow OpenTelemetry's conventions for HTTP servers, messaging, AWS and Lambda;
//! what those have no word for is named `leadwire.…`. docs/TELEMETRY.md is written from the catalogue here.

use crate::context::{extract, inject, outside};
use crate::traces::installed;
use jiff::Timestamp;
use leadwire_domain::source::{Source, SourceName};
use leadwire_pipeline::stage::enrich::Record;
use leadwire_pipeline::stage::ingest::Answer;
use leadwire_pipeline::trace::TraceContext;
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// What a home's parts are called in spans.
#[derive(Clone, Debug)]
pub struct Names {
    /// What keeps objects: `S3` or `SQLite`.
    pub store: &'static str,
    /// What sends mail: `SES`, `SMTP` or `Outbox`.
    pub mailer: &'static str,
    /// OpenTelemetry's `messaging.system`: `aws_sqs` or `sqlite`.
    pub messaging: &'static str,
    /// OpenTelemetry's `rpc.system`, where calls are remote: `aws-api`.
    pub rpc: Option<&'static str>,
    /// The delay queue's name.
    pub queue: String,
    /// The bucket of what came in.
    pub raw: String,
    /// The bucket of the owner files.
    pub lookup: String,
    /// The bucket of everything that is ours.
    pub enriched: String,
}

impl Names {
    /// The names in AWS. The queue's name is the last part of its URL.
    pub fn aws(queue_url: &str) -> Self {
        Self {
            store: "S3",
            mailer: "SES",
            messaging: "aws_sqs",
            rpc: Some("aws-api"),
            queue: queue_url.rsplit('/').next().unwrap_or_default().to_owned(),
            raw: String::new(),
            lookup: String::new(),
            enriched: String::new(),
        }
    }

    /// The names on one machine.
    pub fn local(mailer: &'static str) -> Self {
        Self {
            store: "SQLite",
            mailer,
            messaging: "sqlite",
            rpc: None,
            queue: "delay".to_owned(),
            raw: "raw".to_owned(),
            lookup: "lookup".to_owned(),
            enriched: "enriched".to_owned(),
        }
    }
}

/// The invocation of a function that a span belongs to.
#[derive(Clone, Debug, Default)]
pub struct Invocation {
    /// Lambda's id of it; none on one machine.
    pub id: Option<String>,
    /// Whether it is its process's first.
    pub is_cold: bool,
    /// X-Ray's header that Lambda gave for it.
    pub xray: Option<String>,
}

/// A span in the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct SpanFacts {
    /// Its name; `<…>` stands for a value.
    pub name: &'static str,
    /// Its kind.
    pub kind: &'static str,
    /// What it covers, and where it hangs.
    pub about: &'static str,
    /// Its attributes, with a space between each two.
    pub attributes: &'static str,
}

const HTTP: &str = "http.request.method http.route url.path url.scheme http.response.status_code error.type \
    faas.trigger faas.invocation_id faas.coldstart \
    leadwire.source leadwire.lead_id leadwire.event_id leadwire.outcome";
const STORE: &str = "rpc.system rpc.service rpc.method aws.s3.bucket aws.s3.key aws.request_id \
    leadwire.outcome error.type";
const SEND: &str = "messaging.system messaging.operation.name messaging.operation.type messaging.destination.name \
    rpc.system rpc.service rpc.method aws.request_id leadwire.delay_seconds leadwire.outcome error.type";
const VISIBILITY: &str = "messaging.system messaging.destination.name \
    rpc.system rpc.service rpc.method aws.request_id error.type";
const WAIT: &str = "messaging.system messaging.destination.name messaging.message.id";
const PROCESS: &str = "messaging.system messaging.operation.name messaging.operation.type messaging.destination.name \
    messaging.message.id faas.trigger faas.invocation_id faas.coldstart \
    leadwire.receives leadwire.source leadwire.lead_id leadwire.event_id leadwire.outcome error.type";
const MAIL: &str =
    "rpc.system rpc.service rpc.method aws.request_id leadwire.outcome leadwire.attempt error.type";
const SWEEP: &str = "faas.trigger faas.invocation_id faas.coldstart";

/// Every span.
pub const SPANS: &[SpanFacts] = &[
    SpanFacts {
        name: "POST /ingest/{source}",
        kind: "server",
        about: "A webhook, from the request to its answer: the root of a lead's trace. `POST /ingest` for the flat form. A `traceparent` from outside is a link of it once the request is verified, and so is Lambda's own X-Ray context.",
        attributes: HTTP,
    },
    SpanFacts {
        name: "S3.GetObject, S3.PutObject, S3.ListObjectsV2",
        kind: "client",
        about: "A call on storage; of a listing of everything its first page alone (one machine: `SQLite.…`).",
        attributes: STORE,
    },
    SpanFacts {
        name: "send <queue>",
        kind: "producer",
        about: "A message goes into the delay queue; its context travels with it. A copy that waits is sent inside its `process` span. A sweep's send, and a wake-up's, is in the event's own trace and linked to the trace that it comes from.",
        attributes: SEND,
    },
    SpanFacts {
        name: "SQS.ChangeMessageVisibility",
        kind: "client",
        about: "A first failed receive is let come back sooner (one machine: `SQLite.…`).",
        attributes: VISIBILITY,
    },
    SpanFacts {
        name: "wait <queue>",
        kind: "internal",
        about: "The time in the queue, from sending to the first receive; child of `send <queue>`.",
        attributes: WAIT,
    },
    SpanFacts {
        name: "process <queue>",
        kind: "consumer",
        about: "One message of a batch, one attempt; child of `send <queue>` and linked to it, to X-Ray's context where that is of another trace, and to Lambda's.",
        attributes: PROCESS,
    },
    SpanFacts {
        name: "merge",
        kind: "internal",
        about: "Event and owner file become one document.",
        attributes: "",
    },
    SpanFacts {
        name: "SES.SendEmail",
        kind: "client",
        about: "The mail (one machine: `SMTP.SendEmail` or `Outbox.SendEmail`).",
        attributes: MAIL,
    },
    SpanFacts {
        name: "sweep",
        kind: "server",
        about: "A sweep, in a trace of its own.",
        attributes: SWEEP,
    },
    SpanFacts {
        name: "canary",
        kind: "server",
        about: "SweepFunction sends the canary, in a trace of its own; the lead that it sends has a trace like any other.",
        attributes: SWEEP,
    },
];

/// Every attribute: its name, and what it holds.
pub const ATTRIBUTES: &[(&str, &str)] = &[
    ("http.request.method", "the method, or `_OTHER`"),
    ("http.route", "the route, where the address is one of ours"),
    ("url.path", "the path, where the address is one of ours"),
    ("url.scheme", "`https` in AWS, `http` on one machine"),
    ("http.response.status_code", "the answer's status"),
    (
        "error.type",
        "why it failed: a problem code, a reason in `failed/`, or `transient`, `permanent`",
    ),
    ("faas.trigger", "`http`, `pubsub` or `timer`"),
    ("faas.invocation_id", "Lambda's request id"),
    (
        "faas.coldstart",
        "whether it is the process's first invocation",
    ),
    ("rpc.system", "`aws-api`; not on one machine"),
    ("rpc.service", "`S3`, `SQS` or `SES`; not on one machine"),
    ("rpc.method", "the operation; not on one machine"),
    ("aws.s3.bucket", "the bucket"),
    (
        "aws.s3.key",
        "the key, or the prefix of a listing; it holds the lead id, no personal data",
    ),
    (
        "aws.request_id",
        "the service's id of the request, for a case with AWS support",
    ),
    ("messaging.system", "`aws_sqs`, or `sqlite` on one machine"),
    ("messaging.operation.name", "`send` or `process`"),
    ("messaging.operation.type", "`send` or `process`"),
    ("messaging.destination.name", "the queue's name"),
    ("messaging.message.id", "the queue's id of the message"),
    ("leadwire.source", "where the event came from"),
    ("leadwire.lead_id", "the lead"),
    ("leadwire.event_id", "the event"),
    (
        "leadwire.receives",
        "how often the message had been received, this time included",
    ),
    ("leadwire.delay_seconds", "how long the message is to wait"),
    ("leadwire.attempt", "which attempt at the mail it is"),
    (
        "leadwire.outcome",
        "what came of it: of a call `found`, `missing`, `denied`, `too_large`, `new`, `exists`, `changed`, `done`; of a mail `accepted`, `throttled`, `busy`, `unsent`, `refused`, `ambiguous`; of a message `mailed`, `mailed_before`, `parked`, `parked_before`, `forgotten`, `silent`, `silent_before`, `canary_failed`, `left_waiting`, `woken`, a wait's reason, `failed`; of a request `accepted`, `duplicate`, `ignored`, `refused`",
    ),
];

/// What a webhook's span says of its request. Its path is given only where it is one of ours: anyone can ask for any.
pub(crate) struct ServerFacts<'a> {
    pub(crate) name: String,
    pub(crate) method: &'a str,
    pub(crate) route: Option<&'static str>,
}

/// A webhook's path as it may be written: only that of a configured source.
pub(crate) fn known_path<'a>(path: &'a str, answer: &Answer) -> Option<&'a str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    answer.source.map(|_| path)
}

pub(crate) fn server_facts<'a>(method: &'a str, path: &str) -> ServerFacts<'a> {
    let is_known = ["POST", "GET", "HEAD"].contains(&method);
    let method = if is_known { method } else { "_OTHER" };
    let name = SourceName::of_path(path);
    let route = name.map(|_| match path.strip_suffix('/').unwrap_or(path) {
        "/ingest" => "/ingest",
        _ => "/ingest/{source}",
    });
    ServerFacts {
        name: route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}")),
        method,
        route,
    }
}

/// The span of a webhook.
pub fn server_span(method: &str, path: &str, scheme: &str, invocation: &Invocation) -> Span {
    let ServerFacts {
        name,
        method,
        route,
    } = server_facts(method, path);
    tracing::info_span!(
        parent: None,
        "server",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        url.path = Empty,
        url.scheme = scheme,
        http.response.status_code = Empty,
        error.type = Empty,
        faas.trigger = invocation.id.as_ref().map(|_| "http"),
        faas.invocation_id = invocation.id,
        faas.coldstart = invocation.id.as_ref().map(|_| invocation.is_cold),
        leadwire.source = Empty,
        leadwire.lead_id = Empty,
        leadwire.event_id = Empty,
        leadwire.outcome = Empty,
    )
}

/// How a webhook to `path` was answered, and which source it came to.
pub fn answered(span: &Span, path: &str, answer: &Answer) {
    let status = answer.status;
    span.record("url.path", known_path(path, answer));
    span.record(
        "leadwire.source",
        answer.source.as_ref().map(Source::as_str),
    );
    // Signed: an unsigned number would become text.
    span.record("http.response.status_code", i64::from(status));
    // A refusal is the sender's error, not this server's.
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// Points a webhook's span to where it came from: only a verified request may, and neither its flags nor its state are taken.
pub fn link_outside(span: &Span, outside_of: &TraceContext, invocation: &Invocation) {
    if let Some(link) = outside(outside_of) {
        span.add_link(link);
    }
    if let Some(link) = platform(invocation) {
        span.add_link(link);
    }
}

/// The span of a sweep.
pub fn sweep_span(invocation: &Invocation) -> Span {
    timer_span("sweep", invocation)
}

/// The span of sending the canary.
pub fn canary_span(invocation: &Invocation) -> Span {
    timer_span("canary", invocation)
}

/// What a schedule begins, in a trace of its own.
fn timer_span(name: &'static str, invocation: &Invocation) -> Span {
    tracing::info_span!(
        parent: None,
        "timer",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = Empty,
        faas.trigger = "timer",
        faas.invocation_id = invocation.id,
        faas.coldstart = invocation.id.as_ref().map(|_| invocation.is_cold),
    )
}

/// Gives a record its span, and reports the time that it lay in the queue.
pub fn begin_record(record: &mut Record, names: &Names, invocation: &Invocation) {
    let came = extract(&record.trace);
    let span = tracing::info_span!(
        parent: None,
        "process",
        otel.name = format!("process {}", names.queue),
        otel.kind = "consumer",
        otel.status_code = Empty,
        messaging.system = names.messaging,
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.destination.name = names.queue,
        messaging.message.id = record.message_id,
        faas.trigger = invocation.id.as_ref().map(|_| "pubsub"),
        faas.invocation_id = invocation.id,
        faas.coldstart = invocation.id.as_ref().map(|_| invocation.is_cold),
        leadwire.receives = i64::from(record.receive_count),
        leadwire.source = Empty,
        leadwire.lead_id = Empty,
        leadwire.event_id = Empty,
        leadwire.outcome = Empty,
        error.type = Empty,
    );
    if let Some(parent) = came.parent {
        report_wait(record, names, &parent);
        // It fails only where nothing is recorded.
        drop(span.set_parent(parent));
    }
    for link in came.links.into_iter().chain(platform(invocation)) {
        span.add_link(link);
    }
    record.span = span;
}

/// The time in the queue is reported at the first receive of a message.
fn report_wait(record: &Record, names: &Names, parent: &Context) {
    let (Some(sent_at), Some(received_at)) = (record.sent_at, record.first_received_at) else {
        return;
    };
    let Some(traces) = installed().filter(|_| record.receive_count <= 1) else {
        return;
    };
    let wait = SpanBuilder::from_name(format!("wait {}", names.queue))
        .with_kind(SpanKind::Internal)
        .with_start_time(system_time(sent_at))
        .with_attributes([
            KeyValue::new("messaging.system", names.messaging),
            KeyValue::new("messaging.destination.name", names.queue.clone()),
            KeyValue::new("messaging.message.id", record.message_id.clone()),
        ]);
    let mut wait = traces.tracer().build_with_context(wait, parent);
    wait.set_status(Status::Unset);
    wait.end_with_timestamp(system_time(received_at.max(sent_at)));
}

fn system_time(time: Timestamp) -> SystemTime {
    let micros = u64::try_from(time.as_microsecond()).unwrap_or_default();
    UNIX_EPOCH + Duration::from_micros(micros)
}

/// X-Ray's context of the invocation: not the parent, since anybody who sends a request may have chosen its trace.
fn platform(invocation: &Invocation) -> Option<SpanContext> {
    let came = TraceContext {
        xray: invocation.xray.clone(),
        ..TraceContext::default()
    };
    outside(&came)
}

/// The context of a span, as it travels.
pub fn context_of(span: &Span) -> TraceContext {
    inject(span.context().span().span_context())
}
