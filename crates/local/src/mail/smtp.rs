//! Mail by SMTP, one connection a mail, no retry. Until the message's last byte has gone out every failure is definite; after it, silence is
//! ambiguous, and only the server's answer is not.

use super::ACTION;
use super::url::{SmtpUrl, Tls};
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::port::{Mail, MailOutcome, PortError};
use lettre::Address;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands;
use lettre::transport::smtp::extension::ClientId;
use std::error::Error;
use std::fmt::Display;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long everything may take that comes before the message: connection, TLS, login, addresses.
const GREETING_DEADLINE: Duration = Duration::from_secs(9);
/// How long the message and its answer may take. Both together stay within a record's 20 seconds.
const MESSAGE_DEADLINE: Duration = Duration::from_secs(9);
/// How long is said goodbye, after the outcome is known.
const QUIT_DEADLINE: Duration = Duration::from_millis(500);

const _: () = assert!(
    GREETING_DEADLINE.as_millis() + MESSAGE_DEADLINE.as_millis() + QUIT_DEADLINE.as_millis()
        < leadwire_pipeline::settings::RECORD_DEADLINE.as_millis()
);

/// The way to a mail server.
#[derive(Clone)]
pub(super) struct MailServer {
    url: SmtpUrl,
    tls: Arc<OnceLock<TlsParameters>>,
}

/// Whether a mail server can be used: connects, begins TLS, logs in where the URL says so, and leaves without a mail.
///
/// # Errors
/// What the server answered, or where the connection failed. The server's own words are left out: they repeat addresses.
pub async fn probe_smtp(url: &SmtpUrl) -> Result<(), PortError> {
    let server = MailServer::new(url.clone());
    let mut connection = greeted(server.open())
        .await
        .map_err(|failure| PortError::transient("use the mail server", failure))?;
    say_goodbye(&mut connection).await;
    Ok(())
}

/// What comes before a message, in the time that it has.
async fn greeted<T>(work: impl Future<Output = Result<T, SmtpFailure>>) -> Result<T, SmtpFailure> {
    let late = SmtpFailure::Late {
        step: "the greeting",
    };
    let done = tokio::time::timeout(GREETING_DEADLINE, work).await;
    done.unwrap_or(Err(late))
}

async fn command(
    connection: &mut AsyncSmtpConnection,
    step: &'static str,
    command: impl Display,
) -> Result<(), SmtpFailure> {
    let answered = connection.command(command).await;
    answered.map(drop).map_err(SmtpFailure::at(step))
}

/// Out of courtesy: what was done stands.
async fn say_goodbye(connection: &mut AsyncSmtpConnection) {
    drop(tokio::time::timeout(QUIT_DEADLINE, connection.abort()).await);
}

/// Why the server did not take a mail. It shows the server's code, never its words: they repeat addresses.
#[derive(Debug, thiserror::Error)]
enum SmtpFailure {
    #[error("the mail server answered {code} to {step}")]
    Answered {
        step: &'static str,
        code: u16,
        enhanced: Option<String>,
    },
    #[error("the mail server offers no STARTTLS, and nothing is sent without")]
    NoTls,
    #[error("an address is none that SMTP takes")]
    Address(#[source] lettre::address::AddressError),
    #[error("no answer from the mail server to {step} in time")]
    Late { step: &'static str },
    #[error("the connection to the mail server failed at {step}")]
    Broken {
        step: &'static str,
        #[source]
        source: Option<lettre::transport::smtp::Error>,
    },
}

impl SmtpFailure {
    fn at(step: &'static str) -> impl FnOnce(lettre::transport::smtp::Error) -> Self {
        move |source| match source.status() {
            Some(code) => Self::Answered {
                step,
                code: code.into(),
                enhanced: source.source().and_then(enhanced_code),
            },
            // An answer that is none of SMTP's may repeat an address too.
            None if source.is_response() => Self::Broken { step, source: None },
            None => Self::Broken {
                step,
                source: Some(source),
            },
        }
    }

    fn is_refusal(&self) -> bool {
        match self {
            Self::Answered { code, .. } => *code >= 500,
            Self::Address(_) => true,
            Self::NoTls | Self::Late { .. } | Self::Broken { .. } => false,
        }
    }

    /// The server's codes, where it answered: `550 5.1.1`.
    fn detail(&self) -> Option<String> {
        match self {
            Self::Answered { code, enhanced, .. } => Some(match enhanced {
                Some(enhanced) => format!("{code} {enhanced}"),
                None => code.to_string(),
            }),
            Self::NoTls | Self::Address(_) | Self::Late { .. } | Self::Broken { .. } => None,
        }
    }

    /// The outcome where the server cannot have the whole message.
    fn before_message(self) -> MailOutcome {
        let detail = self.detail();
        let detail = detail.as_deref();
        if self.is_refusal() {
            MailOutcome::Refused(PortError::permanent(ACTION, self).with_detail(detail))
        } else {
            MailOutcome::Busy(PortError::transient(ACTION, self).with_detail(detail))
        }
    }

    /// The outcome where it may have it.
    fn after_message(self) -> MailOutcome {
        match self {
            Self::Answered { .. } => self.before_message(),
            Self::NoTls | Self::Address(_) | Self::Late { .. } | Self::Broken { .. } => {
                MailOutcome::Ambiguous(PortError::transient(ACTION, self))
            }
        }
    }
}

/// The enhanced code that a server's words begin with (RFC 3463): `5.1.1`. Of the words nothing else is read.
fn enhanced_code(words: &(dyn Error + 'static)) -> Option<String> {
    let words = words.to_string();
    let code = words.split_ascii_whitespace().next()?;
    let mut numbers = code.split('.');
    let is_class = matches!(numbers.next(), Some("4" | "5"));
    let is_number =
        |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let has_two_more = numbers.clone().count() == 2 && numbers.all(is_number);
    (is_class && has_two_more).then(|| code.to_owned())
}

impl MailServer {
    pub(super) fn new(url: SmtpUrl) -> Self {
        let tls = Arc::default();
        Self { url, tls }
    }

    /// Goes as far as the server's readiness for a mail: connects, begins TLS, logs in, and asks for nothing.
    pub(super) async fn prove(&self) -> Result<(), MailOutcome> {
        let asked = greeted(async {
            let mut connection = self.open().await?;
            command(&mut connection, "NOOP", commands::Noop).await?;
            Ok(connection)
        });
        let mut connection = asked.await.map_err(SmtpFailure::before_message)?;
        say_goodbye(&mut connection).await;
        Ok(())
    }

    pub(super) async fn deliver(&self, mail: &Mail, message: &[u8]) -> Result<(), MailOutcome> {
        const STEP: &str = "the message";
        let prepared = greeted(self.prepare(mail)).await;
        let mut connection = prepared.map_err(SmtpFailure::before_message)?;
        let answered = tokio::time::timeout(MESSAGE_DEADLINE, connection.message(message)).await;
        say_goodbye(&mut connection).await;
        let failure = match answered {
            Ok(Ok(_response)) => return Ok(()),
            Ok(Err(error)) => SmtpFailure::at(STEP)(error),
            Err(_elapsed) => SmtpFailure::Late { step: STEP },
        };
        Err(failure.after_message())
    }

    /// Everything up to the server's readiness for the message.
    async fn prepare(&self, mail: &Mail) -> Result<AsyncSmtpConnection, SmtpFailure> {
        let mut connection = self.open().await?;
        let from = commands::Mail::new(Some(address(&mail.from)?), Vec::new());
        command(&mut connection, "MAIL FROM", from).await?;
        let to = commands::Rcpt::new(address(&mail.to)?, Vec::new());
        command(&mut connection, "RCPT TO", to).await?;
        command(&mut connection, "DATA", commands::Data).await?;
        Ok(connection)
    }

    /// Connects, and logs in.
    async fn open(&self) -> Result<AsyncSmtpConnection, SmtpFailure> {
        let mut connection = self.connect().await?;
        if let Some(credentials) = &self.url.credentials {
            let login = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            login.map_err(SmtpFailure::at("the login"))?;
        }
        Ok(connection)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpFailure> {
        let SmtpUrl {
            host, port, tls, ..
        } = &self.url;
        let implicit = (*tls == Tls::Implicit).then(|| self.tls_parameters());
        let implicit = implicit.transpose()?;
        let name = hello_name();
        let connected = AsyncSmtpConnection::connect_tokio1(
            (host.as_str(), *port),
            Some(GREETING_DEADLINE),
            &name,
            implicit,
            None,
        )
        .await;
        let mut connection = connected.map_err(SmtpFailure::at("the greeting"))?;
        match (tls, connection.can_starttls()) {
            (Tls::Implicit | Tls::Off, _) | (Tls::Offered, false) => {}
            (Tls::Required, false) => return Err(SmtpFailure::NoTls),
            (Tls::Required | Tls::Offered, true) => {
                let begun = connection.starttls(self.tls_parameters()?, &name).await;
                begun.map_err(SmtpFailure::at("STARTTLS"))?;
            }
        }
        Ok(connection)
    }

    /// Made once: it reads the machine's trusted roots.
    fn tls_parameters(&self) -> Result<TlsParameters, SmtpFailure> {
        if let Some(parameters) = self.tls.get() {
            return Ok(parameters.clone());
        }
        let parameters =
            TlsParameters::new_rustls(self.url.host.clone()).map_err(SmtpFailure::at("TLS"))?;
        Ok(self.tls.get_or_init(|| parameters).clone())
    }
}

/// The machine's name, where it is one that a server can look up; some refuse an address.
fn hello_name() -> ClientId {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    let is_domain = name.contains('.')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    if is_domain {
        ClientId::Domain(name.into_owned())
    } else {
        ClientId::default()
    }
}

fn address(address: &EmailAddress) -> Result<Address, SmtpFailure> {
    address.expose().parse().map_err(SmtpFailure::Address)
}

impl std::fmt::Debug for MailServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MailServer").field(&self.url).finish()
    }
}
