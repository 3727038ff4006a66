//! The console: one short line for a person for each event of the pipeline, or JSON lines. No personal data: events have none.

use crate::home;
use crate::output::{BAD, DIM, GOOD, PLAIN, WAIT, pad, printable};
use crate::settings::{Log, Settings};
use anstyle::Style;
use leadwire_pipeline::observe::words::{Tone, Words};
use leadwire_pipeline::observe::{Event as PipelineEvent, FieldValue, Role, Sink, install};
use leadwire_telemetry::{EventFilter, Service};
use std::borrow::Cow;
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

/// Starts logging: lines, and the spans of the tracer that was started before. A second call in one process changes nothing.
pub(crate) fn start(settings: &Settings, rust_log: Option<&str>) {
    let (environment, spans) = (&settings.enrich.environment, &settings.spans);
    match settings.log {
        Log::Json => leadwire_telemetry::init(Service::Leadwire, environment, rust_log, spans),
        Log::Pretty => {
            let filter = EnvFilter::builder()
                .with_default_directive(LevelFilter::INFO.into())
                .parse_lossy(rust_log.unwrap_or_default());
            let lines = tracing_subscriber::registry()
                .with(leadwire_telemetry::span_layer())
                .with(OtherLines.with_filter(filter));
            let filter = EventFilter::parse(rust_log);
            let is_first = install(Role::Log, Console { filter });
            if lines.try_init().is_err() || !is_first {
                tracing::debug!("logging was started before");
            }
        }
    }
}

/// Writes a line for each event.
struct Console {
    filter: EventFilter,
}

impl Sink for Console {
    fn take(&self, event: &dyn PipelineEvent) {
        if self.filter.admits(event)
            && let Some(line) = Line::of(event)
        {
            line.print();
        }
    }
}

/// Writes a line for each of `tracing`'s events: those of libraries, and of code that emits no event of the catalogue.
struct OtherLines;

impl<S: Subscriber> Layer<S> for OtherLines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        Line::of_other(fields, *event.metadata().level()).print();
    }
}

/// A line: which lead it is about, what happened in a word, and more about it.
struct Line {
    lead: String,
    word: &'static str,
    style: Style,
    text: Cow<'static, str>,
}

impl Line {
    /// The line of an event, or none where it is of no interest to a person.
    fn of(event: &dyn PipelineEvent) -> Option<Self> {
        let lead = printable(event.subject().lead().unwrap_or("-"));
        let (word, style, text) = match event.words() {
            Words::Quiet => return None,
            Words::Generic => {
                let (level, message) = event.line();
                let (word, style) = word_of(level);
                let mut text = printable(&message);
                event.fields(&mut |name, value| push_field(&mut text, name, &value));
                (word, style, text.into())
            }
            Words::Said { tone, word, text } => (word, style_of(tone), printable(&text).into()),
        };
        Some(Self {
            lead,
            word,
            style,
            text,
        })
    }

    /// The line of anything else, which is about no lead.
    fn of_other(Fields(mut fields): Fields, level: Level) -> Self {
        let mut text = fields.remove("message").unwrap_or_default();
        // A name says no more than the message.
        fields.remove("event");
        for (name, value) in fields {
            push_field(&mut text, name, &value.as_str().into());
        }
        let (word, style) = word_of(level);
        Self {
            lead: "-".to_owned(),
            word,
            style,
            text: text.into(),
        }
    }

    fn print(&self) {
        let now = home::now();
        let clock = now.strftime("%H:%M:%SZ");
        let (style, word, lead) = (self.style, self.word, pad(&self.lead, 16));
        let text = format!(
            "{DIM}{clock}{DIM:#}  {lead}  {style}{word:<9}{style:#}  {}\n",
            self.text
        );
        // The other end may be closed; the pipeline goes on.
        drop(anstream::stdout().lock().write_all(text.as_bytes()));
    }
}

fn push_field(text: &mut String, name: &str, value: &FieldValue<'_>) {
    let value = match value {
        FieldValue::Absent => return,
        FieldValue::Text(value) => printable(value),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Flag(flag) => flag.to_string(),
    };
    for part in [" ", name, "=", &value] {
        text.push_str(part);
    }
}

fn word_of(level: Level) -> (&'static str, Style) {
    match level {
        Level::ERROR => ("error", BAD),
        Level::WARN => ("warning", WAIT),
        Level::INFO => ("info", PLAIN),
        Level::DEBUG | Level::TRACE => ("debug", DIM),
    }
}

fn style_of(tone: Tone) -> Style {
    match tone {
        Tone::Plain => PLAIN,
        Tone::Dim => DIM,
        Tone::Good => GOOD,
        Tone::Wait => WAIT,
        Tone::Bad => BAD,
    }
}

/// The fields of a `tracing` event, as text.
#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

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

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use leadwire_domain::effect::EffectId;
    use leadwire_domain::failure::FailureReason;
    use leadwire_domain::lead::id::LeadId;
    use leadwire_domain::problem::Problem;
    use leadwire_domain::source::SourceKind;
    use leadwire_domain::source::canary;
    use leadwire_domain::wait::DeferReason;
    use leadwire_pipeline::observe::{
        CanaryFailed, EmailSent, LeadAccepted, LeadDeferred, LeadEnriched, RecordFailed,
        RequestRejected, Subject, SweepFinished, Timeliness,
    };
    use std::sync::LazyLock;

    #[track_caller]
    fn check(event: &dyn PipelineEvent, expected: &str) {
        let Line {
            lead, word, text, ..
        } = Line::of(event).unwrap();
        assert_eq!(format!("{lead} {word} {text}"), expected);
    }

    fn about(lead: &LeadId) -> Subject<'_> {
        Subject {
            lead_id: Some(lead),
            ..Subject::default()
        }
    }

    fn accepted(lead: &LeadId) -> LeadAccepted<'_> {
        LeadAccepted {
            subject: about(lead),
            source: SourceKind::Close.into(),
            s3_key: "raw/x.json",
            duplicate: false,
            conflicting: false,
            latency: SignedDuration::ZERO,
            wait_seconds: 600,
            of_request: Some(1),
        }
    }

    fn mailed(lead: &LeadId) -> EmailSent<'_> {
        static TEAM: LazyLock<EffectId> = LazyLock::new(EffectId::everybody);
        EmailSent {
            effect: &TEAM,
            subject: about(lead),
            source: SourceKind::Close.into(),
            message_id: "m",
            attempt: 1,
            latency: SignedDuration::from_millis(601_200),
            since_owner: None,
            timeliness: Timeliness::InTime,
        }
    }

    fn failed(lead: &LeadId, is_final: bool) -> RecordFailed<'_> {
        RecordFailed {
            subject: about(lead),
            message_id: "m",
            reason: FailureReason::MailRefused,
            receives: 2,
            is_final,
            counted: true,
        }
    }

    #[test]
    fn each_event_is_one_short_line() {
        let lead = LeadId::parse("a").unwrap();
        let new = accepted(&lead);
        check(&new, "a accepted from close, enriched in 10 min");
        let again = LeadAccepted {
            duplicate: true,
            ..accepted(&lead)
        };
        check(&again, "a duplicate came again; it stays one event");
        let deferred = LeadDeferred {
            subject: about(&lead),
            reason: DeferReason::OwnerAbsent,
            seconds: 30,
            hop: 1,
        };
        check(&deferred, "a waiting for its owner file, next look in 30 s");
        check(&mailed(&lead), "a mailed 10 min 1 s after it came");
        let first = failed(&lead, false);
        check(
            &first,
            "a failed mail_refused, try 2; it will be tried again",
        );
        let advice = FailureReason::MailRefused.advice();
        let last = failed(&lead, true);
        check(&last, &format!("a DEAD mail_refused: {advice}"));
        let rejected = RequestRejected {
            source: Some(SourceKind::Close.into()),
            reason: Problem::Unverified.into(),
            unverified: None,
            cause: None,
            quarantined: None,
        };
        check(&rejected, "- refused close: unverified");
    }

    #[test]
    fn what_has_no_words_of_its_own_is_its_message_and_fields() {
        let sweep = |found| SweepFinished {
            examined: 3,
            found,
            sent: found,
            given_up: 0,
            refused: false,
            complete: true,
            ranges: 1,
            errors: 0,
        };
        let fields =
            "examined=3 found=1 sent=1 given_up=0 refused=false complete=true ranges=1 errors=0";
        check(&sweep(1), &format!("- info sweep finished {fields}"));
        assert!(Line::of(&sweep(0)).is_none());
        let fields = [("event", "other"), ("message", "hello"), ("x", "1")];
        let fields = fields.map(|(name, value)| (name, value.to_owned()));
        let line = Line::of_other(Fields(fields.into()), Level::INFO);
        assert_eq!((line.lead.as_str(), &*line.text), ("-", "hello x=1"));
    }

    #[test]
    fn a_canary_is_one_quiet_line_at_its_end() {
        let lead = LeadId::parse(canary::LEAD_ID).unwrap();
        let enriched = LeadEnriched {
            subject: about(&lead),
            conflicts: 0,
            owner_found: false,
        };
        assert!(Line::of(&accepted(&lead)).is_none() && Line::of(&enriched).is_none());
        let went = "leadwire-canary canary went the whole way in 10 min 1 s";
        check(&mailed(&lead), went);
        let failed = CanaryFailed {
            subject: about(&lead),
            message_id: "m",
            reason: FailureReason::MailRefused,
        };
        let advice = FailureReason::MailRefused.advice();
        check(
            &failed,
            &format!("leadwire-canary FAILED mail_refused: {advice}"),
        );
    }
}
