//! Mail by SMTP, one connection a mail, no retry. A message can be taken from its final dot on: until then every failure is definite. After
//! it, silence is ambiguous, and only the server's answer is not.
//!
//! A server has the time that RFC 5321 (4.5.3.2) grants it.

mod connect;
mod failure;
mod lane;
mod stream;
mod tls;

use super::log::MailLog;
use super::url::{SmtpUrl, Tls};
use crate::stop::Stopping;
use failure::SmtpFailure;
use lane::{Lane, LaneTurn};
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::port::{Mail, MailOutcome, PortError, Unsent};
use lettre::Address;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands;
use lettre::transport::smtp::extension::ClientId;
use std::fmt::Display;
use std::iter;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use stream::{Gate, PatientStream};
use tls::Encrypted;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

/// How long the greeting, and the answer to each command, may take.
const COMMAND_DEADLINE: Duration = Duration::from_mins(5);
/// How long everything together may take that comes before the final dot.
pub(crate) const BEFORE_DEADLINE: Duration = Duration::from_mins(15);
/// How long the answer to the final dot may take.
pub const ANSWER_DEADLINE: Duration = Duration::from_mins(10);
/// How long a person who asks whether the server can be used waits for that.
const PROBE_DEADLINE: Duration = Duration::from_mins(1);
/// How long is said goodbye, after the outcome is known.
const QUIT_DEADLINE: Duration = Duration::from_millis(500);

const MESSAGE: &str = "the message";

/// The way to a mail server.
#[derive(Clone)]
pub(super) struct MailServer {
    url: SmtpUrl,
    tls: Arc<OnceLock<TlsParameters>>,
    lane: Arc<Lane>,
    stopping: Stopping,
}

/// Whether a mail server can be used: connects, begins TLS, logs in where the URL says so, and leaves without a mail.
///
/// # Errors
/// What the server answered, or where the connection failed. The server's own words are left out: they repeat addresses.
pub async fn probe_smtp(url: &SmtpUrl) -> Result<(), PortError> {
    let server = MailServer::new(url.clone(), Stopping::new());
    let opened = timeout(PROBE_DEADLINE, server.open(Gate::default())).await;
    let late = SmtpFailure::Late {
        step: "the greeting",
    };
    let mut connection = opened
        .unwrap_or(Err(late))
        .map_err(|failure| PortError::transient("use the mail server", failure))?;
    say_goodbye(&mut connection).await;
    Ok(())
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

impl MailServer {
    pub(super) fn new(url: SmtpUrl, stopping: Stopping) -> Self {
        Self {
            url,
            tls: Arc::default(),
            lane: Arc::default(),
            stopping,
        }
    }

    /// Goes as far as the server's readiness for a mail: connects, begins TLS, logs in, and asks for nothing.
    pub(super) async fn prove(&self, mail: &Mail) -> Result<(), MailOutcome> {
        let _turn = self.turn(mail).await?;
        let asked = async {
            let mut connection = self.open(Gate::default()).await?;
            command(&mut connection, "NOOP", commands::Noop).await?;
            Ok(connection)
        };
        let asked = self.before(Instant::now() + BEFORE_DEADLINE, asked).await;
        let mut connection = asked?;
        say_goodbye(&mut connection).await;
        Ok(())
    }

    pub(super) async fn deliver(
        &self,
        mail: &Mail,
        message: &[u8],
        log: &MailLog,
    ) -> Result<(), MailOutcome> {
        let _turn = self.turn(mail).await?;
        let (deadline, gate) = (Instant::now() + BEFORE_DEADLINE, Gate::default());
        let prepared = self.before(deadline, self.prepare(mail, gate.clone()));
        let mut connection = prepared.await?;
        let answered = {
            let end = || {
                gate.close();
                None
            };
            let parts = iter::once(message).chain(iter::from_fn(end));
            let mut sending = std::pin::pin!(connection.message_iter(parts));
            let ready = self.before(deadline, async {
                tokio::select! {
                    biased;
                    () = gate.reached() => Ok(()),
                    failed = &mut sending => failed.map(drop).map_err(SmtpFailure::at(MESSAGE)),
                }
            });
            ready.await?;
            log.begin(mail).await.map_err(MailOutcome::Busy)?;
            gate.open();
            tokio::select! {
                answered = sending => answered.map(drop).map_err(SmtpFailure::at(MESSAGE)),
                () = sleep_until(Instant::now() + ANSWER_DEADLINE) => Err(SmtpFailure::Late { step: MESSAGE }),
                () = self.stopping.over() => Err(SmtpFailure::StoppedWaiting),
            }
        };
        match answered {
            Ok(()) => {
                say_goodbye(&mut connection).await;
                Ok(())
            }
            Err(failure) => Err(failure.after_message()),
        }
    }

    /// A turn at the server, where it is not better to come back.
    async fn turn(&self, mail: &Mail) -> Result<LaneTurn, MailOutcome> {
        let turn = tokio::select! {
            turn = self.lane.enter(&mail.event) => turn,
            _ = self.stopping.begun() => return Err(MailOutcome::Unsent(Unsent::Stopping)),
        };
        turn.ok_or(MailOutcome::Unsent(Unsent::NoTurn))
    }

    /// What comes before the final dot, in the time that it has. It is broken off where this process stops.
    async fn before<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = Result<T, SmtpFailure>>,
    ) -> Result<T, MailOutcome> {
        tokio::select! {
            done = timeout_at(deadline, work) => {
                done.unwrap_or(Err(SmtpFailure::Slow)).map_err(SmtpFailure::before_message)
            }
            _ = self.stopping.begun() => Err(MailOutcome::Unsent(Unsent::Stopping)),
        }
    }

    /// Everything up to the server's readiness for the message.
    async fn prepare(&self, mail: &Mail, gate: Gate) -> Result<AsyncSmtpConnection, SmtpFailure> {
        let mut connection = self.open(gate).await?;
        let from = commands::Mail::new(Some(address(mail.from.address())?), Vec::new());
        command(&mut connection, "MAIL FROM", from).await?;
        let to = commands::Rcpt::new(address(&mail.to)?, Vec::new());
        command(&mut connection, "RCPT TO", to).await?;
        command(&mut connection, "DATA", commands::Data).await?;
        Ok(connection)
    }

    /// Connects, and logs in.
    async fn open(&self, gate: Gate) -> Result<AsyncSmtpConnection, SmtpFailure> {
        let mut connection = self.greet(gate).await?;
        if let Some(credentials) = &self.url.credentials {
            let login = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            login.map_err(SmtpFailure::at("the login"))?;
        }
        Ok(connection)
    }

    /// Connects, and begins TLS as the URL says.
    async fn greet(&self, gate: Gate) -> Result<AsyncSmtpConnection, SmtpFailure> {
        let SmtpUrl {
            host, port, tls, ..
        } = &self.url;
        let stream = PatientStream::new(connect::connect(host, *port).await?, gate);
        let name = hello_name();
        let greeted = if *tls == Tls::Implicit {
            let encrypted = Encrypted::begin(stream, self.tls_parameters()?).await;
            let encrypted = Box::new(encrypted.map_err(SmtpFailure::at("TLS"))?);
            AsyncSmtpConnection::connect_with_transport(encrypted, &name).await
        } else {
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &name).await
        };
        let mut connection = greeted.map_err(SmtpFailure::at("the greeting"))?;
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
