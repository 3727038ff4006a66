//! The settings that one machine alone has. `xtask` mounts this file: it knows nothing but the pipeline.

use leadwire_pipeline::settings::Preset::{Number, Text};
use leadwire_pipeline::settings::{BOOL, Parsed, Seconds, Setting, Words, parse_seconds};
use std::borrow::Cow;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

/// The longest time between two canaries, in seconds: a day.
const CANARY_SECONDS_MAX: u32 = 86_400;
/// The longest time that a stop waits, in seconds: the answer to a mail may take ten minutes.
const STOP_WAIT_SECONDS_MAX: u32 = 600;
const UP: &[&str] = &["up"];
/// The commands that speak to a mail server.
const MAILING: &[&str] = &["up", "doctor"];

/// How to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    /// Lines for people.
    Pretty,
    /// JSON lines.
    Json,
}

leadwire_pipeline::settings! {
    /// Where to listen; port 0 takes a free one.
    BIND: Parsed<SocketAddr> = Setting::new(Parsed::new("ADDRESS", "an address and a port, such as 127.0.0.1:8787 or [::1]:8787", bind)).default(Text("127.0.0.1:8787"))
        .flag("--bind", UP).env("LEADWIRE_BIND");

    /// The address under which the CRMs reach this machine.
    PUBLIC_URL: Parsed<String> = Setting::new(Parsed::new("URL", "an address such as https://hooks.example.com", public_url))
        .flag("--public-url", UP).env("LEADWIRE_PUBLIC_URL");

    /// The mail server, `smtp://user:password@host:587` or `smtps://…`; without it mails go to the outbox folder.
    SMTP: Parsed<String> = Setting::new(Parsed::text("URL", "smtp://user:password@host:587 or smtps://user:password@host:465")).secret()
        .flag("--smtp", MAILING).env("LEADWIRE_SMTP").details("\
smtps:// is TLS from the first byte. smtp:// to another machine needs STARTTLS, unless ?tls=off is added, which takes no user \
and password: a password never goes to another machine without TLS. smtp:// to this machine takes STARTTLS where it is offered. \
Write #, /, ? and other special characters of user and password as %23, %2F, %3F and so on. Connections are kept for the next mail.");

    /// A file of certificates (PEM) that the mail server is trusted by, beside the machine's own.
    SMTP_CA: Parsed<String> = Setting::new(Parsed::text("FILE", "a file of certificates in PEM form")).flag("--smtp-ca", MAILING).env("LEADWIRE_SMTP_CA");

    /// The name that the mail server is greeted with; else the public URL's host, else the machine's name.
    EHLO_NAME: Parsed<String> = Setting::new(Parsed::text("NAME", "a host name such as mail.example.com, or an address")).flag("--ehlo-name", MAILING).env("LEADWIRE_EHLO_NAME");

    /// Take unsigned requests to /ingest although other machines can reach this one (only dev).
    ALLOW_UNSIGNED: Words<bool> = Setting::new(BOOL).default(Text("false")).flag("--allow-unsigned", UP).env("LEADWIRE_ALLOW_UNSIGNED");

    /// How often a synthetic lead runs through everything, without a mail to anyone; `off` sends none.
    CANARY: Parsed<Option<Duration>> = Setting::new(Parsed::new("TIME|off", "a time of whole seconds up to a day, such as 15m, or off", canary)).default(Text("15m"))
        .flag("--canary", UP).env("LEADWIRE_CANARY");

    /// How long a stop waits for the answer to a mail that has gone out; then it is in doubt.
    STOP_WAIT: Seconds = Setting::new(Seconds(0..=STOP_WAIT_SECONDS_MAX)).default(Number(50)).flag("--stop-wait", UP).env("LEADWIRE_STOP_WAIT").details("\
Nothing new is sent, and what has not gone out yet is sent after the next start. Under systemd TimeoutStopSec must be longer.");

    /// A folder for requests that a source refuses, each a file for `source check`; they hold leads and secrets.
    SAVE_REFUSED: Parsed<String> = Setting::new(Parsed::text("DIR", "a folder that can be written")).flag("--save-refused", UP).env("LEADWIRE_SAVE_REFUSED").details("\
At most 100 files and 64 MiB, for their owner alone; nothing in the folder is ever replaced or deleted. Delete files to have more.");

    /// How to log: lines for people, or JSON.
    LOG: Words<Log> = Setting::new(Words(&[("pretty", Log::Pretty), ("json", Log::Json)])).default(Text("pretty")).flag("--log", UP).env("LEADWIRE_LOG");
}

type Problem = Cow<'static, str>;

fn bind(text: &str) -> Result<SocketAddr, Problem> {
    let found = text.to_socket_addrs().ok().and_then(|mut all| all.next());
    found.ok_or("is no address to listen at".into())
}

fn public_url(text: &str) -> Result<String, Problem> {
    let is_url = ["https://", "http://"].iter().any(|scheme| {
        text.strip_prefix(scheme)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
    });
    is_url
        .then(|| text.trim_end_matches('/').to_owned())
        .ok_or("is no address".into())
}

/// How often a canary is sent; none where it is off.
fn canary(text: &str) -> Result<Option<Duration>, Problem> {
    if text == "off" {
        return Ok(None);
    }
    let seconds = parse_seconds(text).filter(|seconds| *seconds <= CANARY_SECONDS_MAX);
    let seconds = seconds.ok_or("is not a time within its bounds")?;
    Ok((seconds > 0).then(|| Duration::from_secs(seconds.into())))
}
