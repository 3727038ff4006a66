//! What happens, told as it happens: one short line for a person for each event of the pipeline, or JSON lines. No personal data: the
//! events have none.

use crate::duration::{render, render_seconds};
use crate::output::{BAD, DIM, GOOD, PLAIN, WAIT, printable};
use crate::settings::{Log, Settings};
use anstyle::Style;
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::source::canary;
use leadwire_telemetry::Service;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io::Write as _;
use std::iter::successors;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

/// Where a clock can be read: the layer has no home.
pub(crate) type Now = fn() -> Timestamp;

/// Starts telling: lines, and the spans of the tracer that was started before. A second call in one process changes nothing.
pub(crate) fn start(settings: &Settings, rust_log: Option<&str>, now: Now) {
    let (environment, spans) = (&settings.enrich.environment, &settings.spans);
    match settings.log {
        Log::Json => leadwire_telemetry::init(Service::Leadwire, environment, rust_log, spans),
        Log::Pretty => {
            let filter = EnvFilter::builder()
                .with_default_directive(LevelFilter::INFO.into())
                .parse_lossy(rust_log.unwrap_or_default());
            let lines = tracing_subscriber::registry()
                .with(leadwire_telemetry::span_layer())
                .with(Lines { now }.with_filter(filter));
            if lines.try_init().is_err() {
                tracing::debug!("telling was started before");
            }
        }
    }
}

/// Writes a line for each event.
struct Lines {
    now: Now,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Some(line) = Line::of(&fields, *event.metadata().level()) else {
            return;
        };
        let clock = (self.now)().strftime("%H:%M:%SZ");
        let (style, word) = (line.style, line.word);
        let text = format!(
            "{DIM}{clock}{DIM:#}  {:<16}  {style}{word:<9}{style:#}  {}\n",
            line.who, line.text
        );
        // Nobody may be listening any more; the pipeline goes on.
        drop(anstream::stdout().lock().write_all(text.as_bytes()));
    }
}

/// The fields of an event, as text.
#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Fields {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn number(&self, name: &str) -> u32 {
        self.text(name).parse().unwrap_or(0)
    }

    fn is(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    fn span(&self, name: &str) -> String {
        let millis = self.text(name).parse().unwrap_or(0);
        render(SignedDuration::from_millis(millis))
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0
            .insert(field.name(), printable(&format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), printable(value));
    }

    /// With everything that led to it.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let causes = successors(Some(value), |error| (**error).source());
        let chain: Vec<String> = causes.map(ToString::to_string).collect();
        self.0.insert(field.name(), printable(&chain.join(": ")));
    }
}

/// A line: whom it is about, what happened in a word, and more about it.
struct Line {
    who: String,
    word: &'static str,
    style: Style,
    text: String,
}

impl Line {
    /// The line of an event, or none where it is of no interest to a person.
    fn of(fields: &Fields, level: Level) -> Option<Self> {
        let (word, style, text) = match canary_line(fields) {
            Some(Canary::Quiet) => return None,
            Some(Canary::Told(told)) => told,
            None => ingest_line(fields)
                .or_else(|| enrich_line(fields))
                .or_else(|| other_line(fields, level))?,
        };
        let who = match fields.text("lead_id") {
            "" => "-".to_owned(),
            lead => lead.to_owned(),
        };
        Some(Self {
            who,
            word,
            style,
            text,
        })
    }
}

type Told = (&'static str, Style, String);

/// What a person is told of a canary.
enum Canary {
    /// Nothing, as long as it goes well.
    Quiet,
    /// This.
    Told(Told),
}

/// A canary that goes its way is one quiet line, at its end. The lead id is enough here: it is reserved for canaries.
fn canary_line(fields: &Fields) -> Option<Canary> {
    if fields.text("lead_id") != canary::LEAD_ID {
        return None;
    }
    match fields.text("event") {
        "canary_sent" | "lead_accepted" | "lead_enriched" | "record_acked" => Some(Canary::Quiet),
        "lead_deferred" if matches!(fields.text("reason"), "too_early" | "no_time_left") => {
            Some(Canary::Quiet)
        }
        "email_sent" => {
            let text = format!("went the whole way in {}", fields.span("latency_ms"));
            Some(Canary::Told(("canary", DIM, text)))
        }
        "canary_failed" => {
            let text = format!("{}: {}", fields.text("reason"), fields.text("advice"));
            Some(Canary::Told(("FAILED", BAD, text)))
        }
        _ => None,
    }
}

fn ingest_line(fields: &Fields) -> Option<Told> {
    let seconds = fields.number("wait_seconds");
    let due = if seconds == 0 {
        "enriched now".to_owned()
    } else {
        format!("enriched in {}", render_seconds(seconds))
    };
    match fields.text("event") {
        "lead_accepted" if fields.is("conflicting") => Some((
            "duplicate",
            WAIT,
            "came again with other content; the first stays".to_owned(),
        )),
        "lead_accepted" if fields.is("duplicate") => Some((
            "duplicate",
            PLAIN,
            "came again; it stays one event".to_owned(),
        )),
        "lead_accepted" => Some((
            "accepted",
            PLAIN,
            format!("from {}, {due}", fields.text("source")),
        )),
        "request_ignored" => Some((
            "ignored",
            DIM,
            format!(
                "an event type that {} is not configured to take",
                fields.text("source")
            ),
        )),
        "request_rejected" => {
            let cause = match fields.text("cause") {
                "" => String::new(),
                cause => format!(" ({cause})"),
            };
            let source = match fields.text("source") {
                "" => "unknown address",
                source => source,
            };
            Some((
                "refused",
                WAIT,
                format!("{source}: {}{cause}", fields.text("reason")),
            ))
        }
        _ => None,
    }
}

fn enrich_line(fields: &Fields) -> Option<Told> {
    match fields.text("event") {
        "lead_enriched" if fields.is("owner_found") => {
            Some(("enriched", PLAIN, "with its owner file".to_owned()))
        }
        "lead_enriched" => Some(("enriched", WAIT, "without an owner file".to_owned())),
        "lead_deferred" => {
            let what = match fields.text("reason") {
                "too_early" => "until its delay is over",
                "owner_absent" => "for its owner file",
                "mail_unavailable" => "for the mail service",
                "claim_live" => "for the worker that mails it",
                _ => "for free time",
            };
            Some((
                "waiting",
                WAIT,
                format!(
                    "{what}, next look in {}",
                    render_seconds(fields.number("wait_seconds"))
                ),
            ))
        }
        "email_sent" => Some((
            "mailed",
            GOOD,
            format!("{} after it came", fields.span("latency_ms")),
        )),
        "email_ambiguous" => Some((
            "unsure",
            WAIT,
            "the mail server's reply was lost; it may have taken the mail".to_owned(),
        )),
        "email_parked" => Some((
            "parked",
            BAD,
            "whether its mail went out is not known; a person must decide".to_owned(),
        )),
        "replay_settled" => Some(("replayed", DIM, "mailed nobody".to_owned())),
        "record_acked" => Some((
            "done",
            DIM,
            format!("nothing left to do: {}", fields.text("state")),
        )),
        "record_failed" if fields.text("advice").is_empty() => Some((
            "failed",
            WAIT,
            format!(
                "{}, try {}; it will be tried again",
                fields.text("reason"),
                fields.text("receives")
            ),
        )),
        "record_failed" => Some((
            "DEAD",
            BAD,
            format!("{}: {}", fields.text("reason"), fields.text("advice")),
        )),
        "event_swept" if fields.is("given_up") => Some((
            "given up",
            BAD,
            "its trigger was lost three times".to_owned(),
        )),
        "event_swept" => Some((
            "swept",
            WAIT,
            "its trigger was lost; enqueued again".to_owned(),
        )),
        _ => None,
    }
}

fn other_line(fields: &Fields, level: Level) -> Option<Told> {
    match fields.text("event") {
        "sweep_finished" if fields.text("found") == "0" => return None,
        // The screen that `up` draws at its start says it already.
        "server_started" => return None,
        _ => {}
    }
    let (word, style) = match level {
        Level::ERROR => ("error", BAD),
        Level::WARN => ("warning", WAIT),
        Level::INFO => ("info", PLAIN),
        Level::DEBUG | Level::TRACE => ("debug", DIM),
    };
    let told = [
        "message", "event", "lead_id", "event_id", "trace_id", "span_id",
    ];
    let rest = fields.0.iter().filter(|(name, _)| !told.contains(name));
    let rest = rest.map(|(name, value)| format!(" {name}={value}"));
    let text = format!("{}{}", fields.text("message"), rest.collect::<String>());
    Some((word, style, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fields: &[(&'static str, &str)], expected: &str) {
        let fields = Fields(
            fields
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
        );
        let line = Line::of(&fields, Level::INFO).unwrap();
        assert_eq!(
            format!("{} {} {}", line.who, line.word, line.text),
            expected
        );
    }

    #[test]
    fn each_event_is_one_short_line() {
        check(
            &[
                ("event", "lead_accepted"),
                ("lead_id", "a"),
                ("source", "close"),
                ("wait_seconds", "600"),
            ],
            "a accepted from close, enriched in 10 min",
        );
        check(
            &[
                ("event", "lead_deferred"),
                ("lead_id", "a"),
                ("reason", "owner_absent"),
                ("wait_seconds", "30"),
            ],
            "a waiting for its owner file, next look in 30 s",
        );
        check(
            &[
                ("event", "email_sent"),
                ("lead_id", "a"),
                ("latency_ms", "601200"),
            ],
            "a mailed 10 min 1 s after it came",
        );
        check(
            &[
                ("event", "request_rejected"),
                ("reason", "unverified"),
                ("source", "close"),
            ],
            "- refused close: unverified",
        );
        check(
            &[("event", "other"), ("message", "hello"), ("x", "1")],
            "- info hello x=1",
        );
    }

    #[test]
    fn a_canary_is_one_quiet_line_at_its_end() {
        let quiet = |event: &str| {
            let fields = [("event", event), ("lead_id", canary::LEAD_ID)];
            let fields = fields.map(|(name, value)| (name, value.to_owned()));
            Line::of(&Fields(fields.into()), Level::INFO).is_none()
        };
        assert!(quiet("lead_accepted") && quiet("lead_enriched") && quiet("canary_sent"));
        check(
            &[
                ("event", "email_sent"),
                ("lead_id", canary::LEAD_ID),
                ("latency_ms", "601200"),
            ],
            "leadwire-canary canary went the whole way in 10 min 1 s",
        );
        check(
            &[
                ("event", "canary_failed"),
                ("lead_id", canary::LEAD_ID),
                ("reason", "mail_refused"),
                ("advice", "look"),
            ],
            "leadwire-canary FAILED mail_refused: look",
        );
    }
}
