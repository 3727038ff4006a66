//! What `up` and `sweep` are told, checked: every mistake is reported in one go.

use crate::cli::{PipelineArgs, UpArgs};
use crate::duration::parse_seconds;
pub(crate) use crate::usage::Usage;
use leadwire_domain::limits::{QUEUE_DELAY_SECONDS_MAX, RECIPIENTS_MAX, WAIT_WINDOW_SECONDS_MAX};
use leadwire_domain::notice::{EmailAddress, LeadUrlTemplate};
use leadwire_domain::source::Sources;
use leadwire_local::SmtpUrl;
use leadwire_pipeline::config::{AmbiguousPolicy, OwnerMissingPolicy};
use leadwire_telemetry::SpanConfig;
use leadwire_telemetry::config::{Exporter, TRACE_EXPORTER};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

/// The environment in which unsigned requests may be taken.
const DEV: &str = "dev";
/// Longest name of an environment, in characters: it becomes a metric's dimension.
const ENVIRONMENT_CHARS_MAX: usize = 32;
/// The longest time between two canaries, in seconds: a day.
const CANARY_SECONDS_MAX: u32 = 86_400;
/// Who mails come from and go to where they only reach the outbox folder.
const OUTBOX_FROM: &str = "leadwire@example.com";
/// See [`OUTBOX_FROM`].
const OUTBOX_TO: &str = "team@example.com";

/// The waits.
#[expect(
    clippy::struct_field_names,
    reason = "the unit stands last in every name"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waits {
    pub(crate) delay_seconds: u32,
    pub(crate) owner_wait_seconds: u32,
    pub(crate) mail_wait_seconds: u32,
}

/// How to tell what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    /// Lines for people.
    Pretty,
    /// JSON lines.
    Json,
}

/// Who may post without a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Every source is signed, by `sources.json`.
    Signed,
    /// There is no `sources.json`: unsigned requests to `/ingest` are taken.
    Open,
}

/// What `up` is told.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) bind: SocketAddr,
    pub(crate) public_url: Option<String>,
    pub(crate) waits: Waits,
    pub(crate) from: EmailAddress,
    pub(crate) to: Vec<EmailAddress>,
    pub(crate) smtp: Option<SmtpUrl>,
    pub(crate) notify_owner: bool,
    pub(crate) lead_url: Option<LeadUrlTemplate>,
    pub(crate) ambiguous: AmbiguousPolicy,
    pub(crate) owner_missing: OwnerMissingPolicy,
    pub(crate) environment: String,
    pub(crate) door: Door,
    pub(crate) log: Log,
    /// How often a canary is sent, where any is.
    pub(crate) canary: Option<Duration>,
    /// Where spans go beside the data folder.
    pub(crate) spans: SpanConfig,
}

/// Collects mistakes while values are taken.
#[derive(Default)]
struct Mistakes(Vec<String>);

impl Mistakes {
    fn take<T>(&mut self, value: Result<T, String>) -> Option<T> {
        value.map_err(|mistake| self.0.push(mistake)).ok()
    }

    fn finish<T>(self, value: Option<T>) -> Result<T, Usage> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Usage::all(self.0)),
        }
    }
}

impl Waits {
    /// Checks the waits.
    pub(crate) fn parse(args: &PipelineArgs) -> Result<Self, Usage> {
        let mut mistakes = Mistakes::default();
        let waits = Self::take(args, &mut mistakes);
        mistakes.finish(waits)
    }

    fn take(args: &PipelineArgs, mistakes: &mut Mistakes) -> Option<Self> {
        let window = WAIT_WINDOW_SECONDS_MAX;
        let delay = mistakes.take(span("--delay", &args.delay, QUEUE_DELAY_SECONDS_MAX));
        let owner = mistakes.take(span("--owner-wait", &args.owner_wait, window));
        let mail = mistakes.take(span("--mail-wait", &args.mail_wait, window));
        Some(Self {
            delay_seconds: delay?,
            owner_wait_seconds: owner?,
            mail_wait_seconds: mail?,
        })
    }
}

impl Settings {
    /// Checks what was typed and what stands in the environment. `sources` is the text of `sources.json`, where there is one.
    pub(crate) fn parse(args: &UpArgs, sources: Option<&str>) -> Result<Self, Usage> {
        let mut mistakes = Mistakes::default();
        let settings = Self::take(args, sources, &mut mistakes);
        mistakes.finish(settings)
    }

    fn take(args: &UpArgs, sources: Option<&str>, mistakes: &mut Mistakes) -> Option<Self> {
        let waits = Waits::take(&args.pipeline, mistakes);
        let bind = mistakes.take(address(&args.bind));
        let public_url = mistakes.take(args.public_url.as_deref().map(public_url).transpose());
        let outbox = args.smtp.is_none();
        let from = mistakes.take(mailbox("--from", args.from.as_deref(), outbox, OUTBOX_FROM));
        let to = mistakes.take(recipients(args.to.as_deref(), outbox));
        let smtp = mistakes.take(args.smtp.as_deref().map(smtp).transpose());
        let notify_owner = mistakes.take(truth("--notify-owner", &args.notify_owner));
        let allow_unsigned = mistakes.take(truth("--allow-unsigned", &args.allow_unsigned));
        let lead_url = mistakes.take(args.lead_url.as_deref().map(lead_url).transpose());
        let ambiguous = mistakes.take(choose("--ambiguous", &args.ambiguous, &AMBIGUOUS));
        let owner_missing = mistakes.take(choose(
            "--owner-missing",
            &args.owner_missing,
            &OWNER_MISSING,
        ));
        let log = mistakes.take(choose("--log", &args.log, &LOG));
        let canary = mistakes.take(canary(&args.canary));
        let spans = mistakes.take(spans());
        let environment = mistakes.take(environment(&args.environment));
        let reach = Reach {
            bind,
            is_published: args.public_url.is_some(),
            environment: args.environment.trim(),
            allow_unsigned: allow_unsigned.unwrap_or(false),
        };
        let door = mistakes.take(decide_door(sources, &reach));
        Some(Self {
            bind: bind?,
            public_url: public_url?,
            waits: waits?,
            from: from?,
            to: to?,
            smtp: smtp?,
            notify_owner: notify_owner?,
            lead_url: lead_url?,
            ambiguous: ambiguous?,
            owner_missing: owner_missing?,
            environment: environment?,
            door: door?,
            log: log?,
            canary: canary?,
            spans: spans?,
        })
    }
}

/// OpenTelemetry's own variables have no flags: whoever sets them knows them from elsewhere.
#[expect(
    clippy::disallowed_methods,
    reason = "the command's other variables are read by its flags"
)]
fn spans() -> Result<SpanConfig, String> {
    let config = SpanConfig::from_lookup("leadwire", |name| std::env::var(name).ok());
    match config {
        Ok(config) if matches!(config.exporter, Exporter::XrayOtlp { .. }) => Err(format!(
            "{TRACE_EXPORTER}: xray-otlp is signed with the credentials of a Lambda function; send spans to a collector with otlp"
        )),
        Ok(config) => Ok(config),
        Err(mistakes) => Err(mistakes
            .iter()
            .map(|mistake| {
                let expected = mistake.expected;
                format!(
                    "{} {}; expected: {expected}",
                    mistake.variable, mistake.problem
                )
            })
            .collect::<Vec<_>>()
            .join("; ")),
    }
}

/// Who can reach the server, and what the operator said about it.
struct Reach<'a> {
    bind: Option<SocketAddr>,
    is_published: bool,
    environment: &'a str,
    allow_unsigned: bool,
}

/// Unsigned requests are taken only where no `sources.json` is, and only from this machine: a reverse proxy (`--public-url`) makes even a
/// loopback address public. `--allow-unsigned` is for a network that is trusted, and never for production.
fn decide_door(sources: Option<&str>, reach: &Reach<'_>) -> Result<Door, String> {
    if let Some(sources) = sources {
        return match Sources::parse(sources) {
            Ok(_) => Ok(Door::Signed),
            Err(error) => Err(format!("sources.json: {error}")),
        };
    }
    let how = "write sources.json into the data folder, for example {\"generic\":{\"secrets\":[\"whsec_…\"]}} with base64 of 24 to 64 random bytes";
    if reach.environment != DEV {
        return Err(format!(
            "--environment {} takes signed requests only, and there is no sources.json: {how}",
            reach.environment
        ));
    }
    let is_local = reach.bind.is_none_or(|bind| is_loopback(bind.ip())) && !reach.is_published;
    if is_local || reach.allow_unsigned {
        return Ok(Door::Open);
    }
    let who = if reach.is_published {
        "--public-url lets others reach this machine"
    } else {
        "--bind lets other machines reach this one"
    };
    Err(format!(
        "{who}, and there is no sources.json: anyone could post leads. Either {how}; or bind to 127.0.0.1 without --public-url; or, on a network that you trust, add --allow-unsigned"
    ))
}

fn is_loopback(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => {
            ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback())
        }
    }
}

fn span(flag: &str, text: &str, most: u32) -> Result<u32, String> {
    parse_seconds(text)
        .filter(|seconds| *seconds <= most)
        .ok_or_else(|| {
            format!(
                "{flag} {text:?}: give a time of whole seconds up to {most} s, such as 90s or 10m"
            )
        })
}

/// How often a canary is sent; none where it is off.
fn canary(text: &str) -> Result<Option<Duration>, String> {
    if text.trim() == "off" {
        return Ok(None);
    }
    let seconds = parse_seconds(text).filter(|seconds| *seconds <= CANARY_SECONDS_MAX);
    let seconds = seconds.ok_or_else(|| {
        format!("--canary {text:?}: give a time of whole seconds up to a day, such as 15m, or off")
    })?;
    Ok((seconds > 0).then(|| Duration::from_secs(seconds.into())))
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let found = text.to_socket_addrs().ok().and_then(|mut all| all.next());
    found.ok_or_else(|| {
        format!("--bind {text:?}: give an address and a port, such as 127.0.0.1:8787 or [::1]:8787")
    })
}

fn public_url(text: &str) -> Result<String, String> {
    let is_url = ["https://", "http://"].iter().any(|scheme| {
        text.strip_prefix(scheme)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
    });
    if is_url {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(format!(
            "--public-url {text:?}: give an address such as https://hooks.example.com"
        ))
    }
}

fn mailbox(
    flag: &str,
    text: Option<&str>,
    outbox: bool,
    default: &str,
) -> Result<EmailAddress, String> {
    let text = match text {
        Some(text) => text,
        None if outbox => default,
        None => return Err(format!("{flag} is needed with --smtp")),
    };
    EmailAddress::parse(text.trim()).map_err(|error| format!("{flag} {text:?}: {error}"))
}

fn recipients(list: Option<&str>, outbox: bool) -> Result<Vec<EmailAddress>, String> {
    let to: Vec<EmailAddress> = match list {
        None => vec![mailbox("--to", None, outbox, OUTBOX_TO)?],
        Some(list) => list
            .split(',')
            .map(|one| mailbox("--to", Some(one), outbox, OUTBOX_TO))
            .collect::<Result<_, _>>()?,
    };
    if to.len() > RECIPIENTS_MAX {
        return Err(format!("--to: at most {RECIPIENTS_MAX} addresses"));
    }
    Ok(to)
}

fn smtp(text: &str) -> Result<SmtpUrl, String> {
    // The URL holds a password: it is not shown.
    SmtpUrl::parse(text).map_err(|error| format!("--smtp: {error}"))
}

fn lead_url(text: &str) -> Result<LeadUrlTemplate, String> {
    LeadUrlTemplate::parse(text).map_err(|error| format!("--lead-url {text:?}: {error}"))
}

fn environment(text: &str) -> Result<String, String> {
    let name = text.trim();
    let valid = !name.is_empty()
        && name.len() <= ENVIRONMENT_CHARS_MAX
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if valid {
        Ok(name.to_owned())
    } else {
        Err(format!(
            "--environment {text:?}: 1 to {ENVIRONMENT_CHARS_MAX} characters of A-Z, a-z, 0-9, '-' and '_'"
        ))
    }
}

fn truth(flag: &str, text: &str) -> Result<bool, String> {
    choose(flag, text, &[("true", true), ("false", false)])
}

const AMBIGUOUS: [(&str, AmbiguousPolicy); 2] = [
    ("resend", AmbiguousPolicy::Resend),
    ("park", AmbiguousPolicy::Park),
];
const OWNER_MISSING: [(&str, OwnerMissingPolicy); 2] = [
    ("dlq", OwnerMissingPolicy::Dlq),
    ("mail", OwnerMissingPolicy::Mail),
];
const LOG: [(&str, Log); 2] = [("pretty", Log::Pretty), ("json", Log::Json)];

fn choose<T: Copy>(flag: &str, text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let chosen = choices.iter().find(|(name, _)| *name == text.trim());
    chosen.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        format!("{flag} {text:?}: give {}", names.join(" or "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser as _;

    fn parse(flags: &[&str], sources: Option<&str>) -> Result<Settings, Usage> {
        let line = ["leadwire", "up"].iter().chain(flags);
        let Command::Up(args) = Cli::try_parse_from(line).unwrap().command else {
            panic!("not up");
        };
        Settings::parse(&args, sources)
    }

    const SIGNED: &str = r#"{"generic":{"secrets":["whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]}}"#;

    #[test]
    fn without_any_flag_mails_go_to_the_outbox_and_the_door_is_open_on_loopback() {
        let settings = parse(&[], None).unwrap();
        assert_eq!(
            (settings.waits.delay_seconds, settings.door),
            (600, Door::Open)
        );
        assert_eq!(settings.bind.to_string(), "127.0.0.1:8787");
    }

    #[test]
    fn every_mistake_is_reported_in_one_go() {
        let flags = [
            "--delay",
            "16m",
            "--owner-wait",
            "soon",
            "--bind",
            "nowhere",
            "--smtp",
            "smtp://h",
            "--to",
            "no",
            "--lead-url",
            "http://x",
            "--ambiguous",
            "maybe",
            "--environment",
            "",
            "--canary",
            "25h",
        ];
        let mistakes = parse(&flags, None).err().unwrap();
        let flags = [
            "--delay",
            "--owner-wait",
            "--bind",
            "--from",
            "--to",
            "--lead-url",
            "--ambiguous",
            "--environment",
            "--canary",
        ];
        for flag in flags {
            let told = mistakes
                .mistakes()
                .iter()
                .any(|mistake| mistake.starts_with(flag));
            assert!(told, "{flag} is missing in {mistakes}");
        }
    }

    #[test]
    fn a_canary_is_sent_now_and_then_or_not_at_all() {
        let every = |flags: &[&str]| parse(flags, None).unwrap().canary;
        assert_eq!(every(&[]), Some(Duration::from_mins(15)));
        assert_eq!(every(&["--canary", "1h"]), Some(Duration::from_hours(1)));
        assert_eq!(every(&["--canary", "off"]), None);
        assert_eq!(every(&["--canary", "0"]), None);
    }

    #[test]
    fn an_open_door_that_others_can_reach_is_refused_unless_the_operator_says_so() {
        assert!(parse(&["--bind", "0.0.0.0:0"], None).is_err());
        assert!(parse(&["--public-url", "https://hooks.example.com"], None).is_err());
        assert!(parse(&["--environment", "prod"], None).is_err());
        assert!(parse(&["--environment", "prod", "--allow-unsigned"], None).is_err());
        assert_eq!(
            parse(&["--bind", "0.0.0.0:0", "--allow-unsigned"], None)
                .unwrap()
                .door,
            Door::Open
        );
        assert_eq!(
            parse(&["--bind", "[::1]:0"], None).unwrap().door,
            Door::Open
        );
    }

    #[test]
    fn with_secrets_every_door_is_signed() {
        let settings = parse(
            &["--bind", "0.0.0.0:0", "--environment", "prod"],
            Some(SIGNED),
        )
        .unwrap();
        assert_eq!(settings.door, Door::Signed);
        let mistake = parse(&[], Some("{\"close\":{\"secrets\":[\"x\"]}}"))
            .err()
            .unwrap();
        assert!(mistake.to_string().contains("close"), "{mistake}");
    }
}
