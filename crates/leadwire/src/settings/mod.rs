//! The configuration of `up`, read from flags and variables: every mistake is reported in one go.

pub(crate) mod entry;
pub(crate) mod typed;

pub(crate) use entry::Log;

use crate::refused::RefusedFolder;
use crate::usage::Usage;
use entry::{
    ALLOW_UNSIGNED, BIND, CANARY, EHLO_NAME, LOG, PUBLIC_URL, SAVE_REFUSED, SMTP, SMTP_CA,
    STOP_WAIT,
};
use leadwire_domain::notice::EmailAddress;
use leadwire_domain::source::Sources;
use leadwire_local::{EhloName, SmtpAuthority, SmtpServer, SmtpUrl};
use leadwire_pipeline::settings::{
    AnySetting as _, ConfigError, DEV, ENVIRONMENT, EnrichConfig, IngestConfig, Naming,
    SettingsReader, SweepConfig, TO, read,
};
use leadwire_telemetry::SpanConfig;
use leadwire_telemetry::config::{Exporter, TRACE_EXPORTER};
use std::net::SocketAddr;
use std::time::Duration;

/// Who mails come from and go to where they only reach the outbox folder.
const OUTBOX: [(&str, &str); 2] = [
    ("--from", "leadwire@example.com"),
    ("--to", "team@example.com"),
];
const SOURCES: &str = "sources.json";
/// How to have signatures.
const SIGNED: &str = "sources.json in the data folder, for example {\"generic\":{\"secrets\":[\"whsec_…\"]}} with base64 of 24 to 64 random bytes";

/// Whether requests must be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignaturePolicy {
    /// Every source is signed, by `sources.json`.
    Required,
    /// There is no `sources.json`: unsigned requests to `/ingest` are taken.
    Waived,
}

/// The configuration of `up`.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) bind: SocketAddr,
    pub(crate) public_url: Option<String>,
    pub(crate) smtp: Option<SmtpServer>,
    pub(crate) signatures: SignaturePolicy,
    pub(crate) log: Log,
    /// How often a canary is sent, where any is.
    pub(crate) canary: Option<Duration>,
    /// How long a stop waits for the answer to a mail.
    pub(crate) stop_wait: Duration,
    /// Where refused requests are saved, where they are.
    pub(crate) refused: Option<RefusedFolder>,
    /// Where spans go beside the data folder.
    pub(crate) spans: SpanConfig,
    pub(crate) ingest: IngestConfig,
    pub(crate) enrich: EnrichConfig,
    pub(crate) sweep: SweepConfig,
}

impl Settings {
    /// Reads it by `lookup`, which has flags, and OpenTelemetry's own variables. `sources` is the text of `sources.json`, where there is one.
    pub(crate) fn read(
        lookup: &dyn Fn(&str) -> Option<String>,
        sources: Option<&str>,
    ) -> Result<Self, Usage> {
        let has_smtp = lookup("--smtp").is_some();
        let lookup = |name: &str| {
            let outbox = OUTBOX.iter().find(|(flag, _)| *flag == name && !has_smtp);
            lookup(name).or_else(|| Some(outbox?.1.to_owned()))
        };
        let settings = read(Naming::Flag, &lookup, |settings| {
            let enrich = EnrichConfig::read(settings);
            let spans = spans(settings, lookup);
            let public_url = settings.take(&PUBLIC_URL);
            Some(Self {
                bind: settings.get(&BIND),
                smtp: read_smtp(settings, public_url.as_deref()),
                public_url,
                signatures: decide_signatures(settings, sources),
                log: settings.get(&LOG),
                canary: settings.get(&CANARY),
                stop_wait: Duration::from_secs(settings.get(&STOP_WAIT).into()),
                refused: settings.take_as(&SAVE_REFUSED, |folder| {
                    RefusedFolder::open(folder).map_err(|error| format!("cannot be used: {error}"))
                }),
                ingest: IngestConfig::read(settings),
                sweep: SweepConfig::read(settings),
                enrich: enrich?,
                spans: spans?,
            })
        });
        settings.map_err(|mistakes| Usage::all(&mistakes))
    }
}

/// The mail server, where one is set.
pub(crate) fn read_smtp(
    settings: &mut SettingsReader<'_>,
    public_url: Option<&str>,
) -> Option<SmtpServer> {
    let url = settings.take_as(&SMTP, |url| {
        SmtpUrl::parse(&url).map_err(|error| format!("is {error}"))
    });
    let name = settings.take_as(&EHLO_NAME, |name| {
        EhloName::parse(&name).map_err(|error| error.to_string())
    });
    let authority = settings.take_as(&SMTP_CA, |path| {
        let pem = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
        SmtpAuthority::parse(&pem).map_err(|error| error.to_string())
    });
    Some(SmtpServer {
        url: url?,
        name: name.or_else(|| EhloName::of_url(public_url?)),
        authority,
    })
}

/// The receivers of mails by these variables, and those of the outbox folder: to be shown, so that a mistake is left to `up`.
pub(crate) fn receivers_by_variables(
    variable: impl Fn(&str) -> Option<String>,
) -> Vec<EmailAddress> {
    let configured = TO.facts().env.and_then(variable);
    let [_, (_, outbox)] = OUTBOX;
    let lists = configured.into_iter().chain([outbox.to_owned()]);
    lists.flat_map(|list| parse_receivers(&list)).collect()
}

/// The receivers of a list, where it holds to the setting's rule.
pub(crate) fn parse_receivers(list: &str) -> Vec<EmailAddress> {
    let lookup = |_flag: &str| Some(list.to_owned());
    read(Naming::Flag, &lookup, |settings| settings.require(&TO)).unwrap_or_default()
}

fn spans(
    settings: &mut SettingsReader<'_>,
    lookup: impl Fn(&str) -> Option<String>,
) -> Option<SpanConfig> {
    let mistakes = match SpanConfig::from_lookup("leadwire", lookup) {
        Ok(config) if matches!(config.exporter, Exporter::XrayOtlp { .. }) => {
            let why = "is signed with the credentials of a Lambda function where it is xray-otlp";
            let expected = "otlp, to a collector";
            vec![ConfigError::new(TRACE_EXPORTER, why, expected)]
        }
        Ok(config) => return Some(config),
        Err(mistakes) => mistakes,
    };
    settings.note(mistakes);
    None
}

/// Unsigned requests are taken only where no `sources.json` is, and only from this machine: a reverse proxy (`--public-url`) makes even a
/// loopback address public. `--allow-unsigned` is for a network that is trusted, and never for production.
fn decide_signatures(settings: &mut SettingsReader<'_>, sources: Option<&str>) -> SignaturePolicy {
    if let Some(sources) = sources {
        let parsed = Sources::parse(sources);
        let mistake = |error| ConfigError::new(SOURCES, format!("cannot be used: {error}"), SIGNED);
        settings.note(parsed.err().map(mistake));
        return SignaturePolicy::Required;
    }
    let ip = settings.get(&BIND).ip().to_canonical();
    let is_local = ip.is_loopback() && !settings.is_set(&PUBLIC_URL);
    let is_allowed = settings.get(&ALLOW_UNSIGNED);
    if settings.get(&ENVIRONMENT) != DEV {
        let problem = "takes signed requests only, and there is no sources.json";
        settings.reject(&ENVIRONMENT, problem, SIGNED);
    } else if !is_local && !is_allowed {
        let problem =
            "lets others reach this machine, and there is no sources.json: anyone could post leads";
        let expected = format!(
            "{SIGNED}; or --bind 127.0.0.1 without --public-url; or, on a network that you trust, --allow-unsigned"
        );
        if settings.is_set(&PUBLIC_URL) {
            settings.reject(&PUBLIC_URL, problem, expected);
        } else {
            settings.reject(&BIND, problem, expected);
        }
    }
    SignaturePolicy::Waived
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Cli, Command};
    use clap::Parser as _;

    /// What `up` makes of these flags.
    fn parse(flags: &str, sources: Option<&str>) -> Result<Settings, Usage> {
        let line = ["leadwire", "up"]
            .into_iter()
            .chain(flags.split_whitespace());
        let Command::Up(args) = Cli::try_parse_from(line).unwrap().command else {
            panic!("not up");
        };
        Settings::read(&|flag| args.settings.text(flag), sources)
    }

    const GENERIC: &str = r#"{"generic":{"secrets":["whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]}}"#;

    #[test]
    fn without_any_flag_mails_go_to_the_outbox_and_unsigned_requests_are_taken_on_loopback() {
        let settings = parse("", None).unwrap();
        assert_eq!(settings.enrich.delay_seconds, 600);
        assert_eq!(settings.signatures, SignaturePolicy::Waived);
        assert_eq!(settings.bind.to_string(), "127.0.0.1:8787");
    }

    #[test]
    fn every_mistake_is_reported_in_one_go() {
        let wrong = "--delay=16m --owner-wait=soon --bind=nowhere --smtp=smtp://h --to=no --lead-url=http://x \
            --ambiguous=maybe --environment= --canary=25h";
        let mistakes = parse(wrong, None).err().unwrap();
        // A mail server is no mistake, yet needs a sender.
        let typed = wrong.replace("--smtp", "--from");
        for flag in typed.split_whitespace() {
            let (flag, _) = flag.split_once('=').unwrap();
            let mut reported = mistakes.mistakes().iter();
            let is_reported = reported.any(|mistake| mistake.starts_with(flag));
            assert!(is_reported, "{flag} is missing in {mistakes}");
        }
    }

    #[test]
    fn an_environment_has_the_name_that_it_could_have_on_aws() {
        for (name, is_taken) in [
            ("stage-2", true),
            ("a23456789012345", true),
            ("a234567890123456", true),
            ("a2345678901234567", false),
            ("Stage", false),
            ("stage_2", false),
            ("2stage", false),
        ] {
            let parsed = parse(&format!("--environment {name}"), Some(GENERIC));
            assert_eq!(parsed.is_ok(), is_taken, "{name}");
        }
    }

    #[test]
    fn a_mail_server_is_greeted_with_the_public_urls_host_unless_a_name_is_set() {
        let base = "--smtp smtp://mail.example.com --from a@example.com --to b@example.com";
        for (flags, expected) in [
            ("", None),
            (
                "--public-url https://hooks.example.com",
                Some("hooks.example.com"),
            ),
            (
                "--public-url https://hooks.example.com --ehlo-name crm.example.org",
                Some("crm.example.org"),
            ),
        ] {
            let settings = parse(&format!("{base} {flags}"), Some(GENERIC)).unwrap();
            let expected = expected.map(|name| EhloName::parse(name).unwrap());
            assert_eq!(settings.smtp.unwrap().name, expected, "{flags}");
        }
    }

    #[test]
    fn every_mistake_about_the_mail_server_is_reported_in_one_go() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let absent = format!("{}-absent", file.path().display());
        for (authority, what) in [
            (file.path().display().to_string(), "holds no certificate"),
            (absent, "cannot be read"),
        ] {
            let flags = format!(
                "--smtp smtp://leads:2026#Winter@mail.example.com:587 --from a@example.com --to b@example.com --ehlo-name a_b --smtp-ca {authority}"
            );
            let mistakes = parse(&flags, None).err().unwrap().to_string();
            for part in [
                "a # in user or password is written %23",
                "--ehlo-name \"a_b\"",
                "--smtp-ca",
                what,
            ] {
                assert!(mistakes.contains(part), "{part} is missing in {mistakes}");
            }
            assert!(!mistakes.contains("Winter"), "{mistakes}");
        }
    }

    #[test]
    fn a_mail_waits_for_up_to_a_day() {
        let wait = |time: &str| parse(&format!("--mail-wait {time}"), None);
        assert_eq!(wait("24h").unwrap().enrich.mail_wait_seconds, 86_400);
        assert!(wait("25h").is_err());
    }

    #[test]
    fn a_password_is_not_shown_and_what_else_was_typed_is() {
        let flags = "--smtp smtp://user:secret@h?x --log loud";
        let mistakes = parse(flags, None).err().unwrap().to_string();
        assert!(mistakes.contains("--smtp is not the URL"), "{mistakes}");
        assert!(mistakes.contains("--log \"loud\""), "{mistakes}");
        assert!(!mistakes.contains("secret@"), "{mistakes}");
    }

    #[test]
    fn a_team_that_leaves_the_owner_no_room_is_a_mistake_where_the_owner_is_notified() {
        let team = |count| {
            let all = (0..count).map(|number| format!("team{number}@example.com"));
            all.collect::<Vec<_>>().join(",")
        };
        let full = format!("--to {}", team(50));
        assert!(parse(&full, None).is_ok());
        let mistakes = parse(&format!("{full} --notify-owner"), None)
            .err()
            .unwrap();
        assert!(
            mistakes.to_string().contains("no room for the owner"),
            "{mistakes}"
        );
        let with_room = format!("--to {} --notify-owner", team(49));
        assert!(parse(&with_room, None).is_ok());
    }

    #[test]
    fn a_canary_is_sent_now_and_then_or_not_at_all() {
        for (flags, every) in [
            ("", Some(Duration::from_mins(15))),
            ("--canary 1h", Some(Duration::from_hours(1))),
            ("--canary off", None),
            ("--canary 0", None),
        ] {
            assert_eq!(parse(flags, None).unwrap().canary, every, "{flags}");
        }
    }

    #[test]
    fn unsigned_requests_that_others_could_send_are_refused_unless_the_operator_says_so() {
        for (flags, is_taken) in [
            ("--bind 0.0.0.0:0", false),
            ("--public-url https://hooks.example.com", false),
            ("--environment prod", false),
            ("--environment prod --allow-unsigned", false),
            ("--bind 0.0.0.0:0 --allow-unsigned", true),
            ("--bind [::1]:0", true),
            ("--bind [::ffff:127.0.0.1]:0", true),
        ] {
            let policy = parse(flags, None).ok().map(|settings| settings.signatures);
            let expected = is_taken.then_some(SignaturePolicy::Waived);
            assert_eq!(policy, expected, "{flags}");
        }
    }

    #[test]
    fn with_secrets_every_request_is_signed() {
        let flags = "--bind 0.0.0.0:0 --environment prod";
        let settings = parse(flags, Some(GENERIC)).unwrap();
        assert_eq!(settings.signatures, SignaturePolicy::Required);
        let mistake = parse("", Some("{\"close\":{\"secrets\":[\"x\"]}}"));
        let mistake = mistake.err().unwrap();
        assert!(mistake.to_string().contains("close"), "{mistake}");
    }
}
