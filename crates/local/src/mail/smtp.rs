//! Mail by SMTP, one connection a mail, no retry. Until the message's last byte has gone out every failure is definite; after it, silence is
//! ambiguous, and only the server's answer is not.

use super::mime::{compose, message_id};
use super::url::{SmtpUrl, Tls};
use super::{ACTION, Guard};
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::observe::RecipientRefused;
use leadwire_pipeline::port::{Clock, Mail, MailOutcome, PortError};
use lettre::Address;
use lettre::transport::smtp::authentication::{DEFAULT_MECHANISMS, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands;
use lettre::transport::smtp::extension::ClientId;
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

/// Sends each mail by SMTP.
#[derive(Clone)]
pub struct SmtpMailer {
    server: MailServer,
    clock: Arc<dyn Clock>,
    guard: Guard,
}

/// The way to a mail server.
#[derive(Clone)]
struct MailServer {
    url: SmtpUrl,
    tls: Arc<OnceLock<TlsParameters>>,
}

/// Whether a mail server can be used: connects, begins TLS, logs in where the URL says so, and leaves without a mail.
///
/// # Errors
/// What the server answered, or where the connection failed. The server's own words are left out: they repeat addresses.
pub async fn probe_smtp(url: &SmtpUrl) -> Result<(), PortError> {
    let server = MailServer::new(url.clone());
    let opened = tokio::time::timeout(GREETING_DEADLINE, server.open()).await;
    let failure = match opened {
        Ok(Ok(mut connection)) => {
            say_goodbye(&mut connection).await;
            return Ok(());
        }
        Ok(Err(failure)) => failure,
        Err(_elapsed) => LATE_GREETING,
    };
    Err(PortError::transient("use the mail server", failure))
}

const LATE_GREETING: SmtpFailure = SmtpFailure::Late {
    step: "the greeting",
};

/// Out of courtesy: what was done stands.
async fn say_goodbye(connection: &mut AsyncSmtpConnection) {
    drop(tokio::time::timeout(QUIT_DEADLINE, connection.abort()).await);
}

/// Why the server did not take a mail. It shows the server's code, never its words: they repeat addresses.
#[derive(Debug, thiserror::Error)]
enum SmtpFailure {
    #[error("the mail server answered {code} to {step}")]
    Answered { step: &'static str, code: u16 },
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

    /// The outcome where the server cannot have the whole message.
    fn before_message(self) -> MailOutcome {
        if self.is_refusal() {
            MailOutcome::Refused(PortError::permanent(ACTION, self))
        } else {
            MailOutcome::Busy(PortError::transient(ACTION, self))
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

impl SmtpMailer {
    pub(crate) fn new(url: SmtpUrl, clock: Arc<dyn Clock>, guard: Guard) -> Self {
        Self {
            server: MailServer::new(url),
            clock,
            guard,
        }
    }

    pub(super) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Goes as far as the server's readiness for a mail: connects, begins TLS, logs in, and asks for nothing.
    pub(super) async fn prove(&self, mail: &Mail) -> MailOutcome {
        if let Err(error) = compose(mail, self.clock.now()) {
            return MailOutcome::Refused(PortError::permanent(ACTION, error));
        }
        let asked = async {
            let mut connection = self.server.open().await?;
            connection
                .command(commands::Noop)
                .await
                .map_err(SmtpFailure::at("NOOP"))?;
            Ok::<_, SmtpFailure>(connection)
        };
        match tokio::time::timeout(GREETING_DEADLINE, asked).await {
            Ok(Ok(mut connection)) => {
                say_goodbye(&mut connection).await;
                MailOutcome::Accepted(message_id(mail))
            }
            Ok(Err(failure)) => failure.before_message(),
            Err(_elapsed) => LATE_GREETING.before_message(),
        }
    }

    pub(super) async fn deliver(&self, mail: &Mail) -> MailOutcome {
        let message = match compose(mail, self.clock.now()) {
            Ok(message) => message.formatted(),
            Err(error) => return MailOutcome::Refused(PortError::permanent(ACTION, error)),
        };
        let prepared = tokio::time::timeout(GREETING_DEADLINE, self.prepare(mail)).await;
        let mut connection = match prepared {
            Ok(Ok(connection)) => connection,
            Ok(Err(failure)) => return failure.before_message(),
            Err(_elapsed) => return LATE_GREETING.before_message(),
        };
        let answered = tokio::time::timeout(MESSAGE_DEADLINE, connection.message(&message)).await;
        let outcome = match answered {
            Ok(Ok(_response)) => MailOutcome::Accepted(message_id(mail)),
            Ok(Err(error)) => SmtpFailure::at("the message")(error).after_message(),
            Err(_elapsed) => SmtpFailure::Late {
                step: "the message",
            }
            .after_message(),
        };
        say_goodbye(&mut connection).await;
        outcome
    }

    /// Everything up to the server's readiness for the message.
    async fn prepare(&self, mail: &Mail) -> Result<AsyncSmtpConnection, SmtpFailure> {
        let mut connection = self.server.open().await?;
        let from = commands::Mail::new(Some(address(&mail.from)?), Vec::new());
        connection
            .command(from)
            .await
            .map_err(SmtpFailure::at("MAIL FROM"))?;
        recipients(&mut connection, mail).await?;
        connection
            .command(commands::Data)
            .await
            .map_err(SmtpFailure::at("DATA"))?;
        Ok(connection)
    }
}

impl MailServer {
    fn new(url: SmtpUrl) -> Self {
        Self {
            url,
            tls: Arc::default(),
        }
    }

    /// Connects, and logs in.
    async fn open(&self) -> Result<AsyncSmtpConnection, SmtpFailure> {
        let mut connection = self.connect().await?;
        if let Some(credentials) = &self.url.credentials {
            let mechanisms: &[Mechanism] = DEFAULT_MECHANISMS;
            connection
                .auth(mechanisms, credentials)
                .await
                .map_err(SmtpFailure::at("the login"))?;
        }
        Ok(connection)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpFailure> {
        let SmtpUrl {
            host, port, tls, ..
        } = &self.url;
        let implicit = if *tls == Tls::Implicit {
            Some(self.tls_parameters()?)
        } else {
            None
        };
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
                let parameters = self.tls_parameters()?;
                connection
                    .starttls(parameters, &name)
                    .await
                    .map_err(SmtpFailure::at("STARTTLS"))?;
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

/// Names the recipients. One that is refused for good, such as an owner's mailbox that was closed, must not keep the mail from the others.
async fn recipients(connection: &mut AsyncSmtpConnection, mail: &Mail) -> Result<(), SmtpFailure> {
    let mut taken = false;
    let mut refused = None;
    for to in &mail.to {
        let to = commands::Rcpt::new(address(to)?, Vec::new());
        match connection.command(to).await {
            Ok(_response) => taken = true,
            Err(error) if error.is_permanent() => refused = Some(error),
            Err(error) => return Err(SmtpFailure::at("RCPT TO")(error)),
        }
    }
    match refused {
        Some(error) if !taken => Err(SmtpFailure::at("RCPT TO")(error)),
        Some(error) => {
            let failure = SmtpFailure::at("RCPT TO")(error);
            RecipientRefused {
                mail: &mail.event,
                error: failure.to_string(),
            }
            .emit();
            Ok(())
        }
        None => Ok(()),
    }
}

fn address(address: &EmailAddress) -> Result<Address, SmtpFailure> {
    address.expose().parse().map_err(SmtpFailure::Address)
}

impl std::fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpMailer")
            .field("url", &self.server.url)
            .finish_non_exhaustive()
    }
}
