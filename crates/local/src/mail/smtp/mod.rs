//! Mail by SMTP: one mail after the other over a connection, no retry. A message can be taken from its final dot on: until then every failure is definite. After
//! it, silence is ambiguous, and only the server's answer is not.
//!
//! A server has the time that RFC 5321 (4.5.3.2) grants it.

mod connect;
mod failure;
mod lane;
mod pool;
mod stream;
mod tls;

use super::log::MailLog;
use super::server::SmtpServer;
use super::url::{SmtpUrl, Tls};
use crate::stop::Stopping;
use failure::SmtpFailure;
use lane::{Lane, LaneTurn};
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::port::{Mail, MailOutcome, PortError, Unsent};
use lettre::Address;
use lettre::transport::smtp::authentication::{DEFAULT_MECHANISMS, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands;
use pool::{Connection, Pool};
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
/// How long a server may take for the first answer on a connection that was kept. One that takes longer has perhaps forgotten it.
const KEPT_DEADLINE: Duration = Duration::from_secs(10);
/// How long is said goodbye, after the outcome is known.
const QUIT_DEADLINE: Duration = Duration::from_millis(500);

const MESSAGE: &str = "the message";

/// The way to a mail server.
#[derive(Clone)]
pub(super) struct MailServer {
    server: SmtpServer,
    tls: Arc<OnceLock<TlsParameters>>,
    lane: Arc<Lane>,
    pool: Arc<Pool>,
    stopping: Stopping,
}

/// Whether a mail server can be used: connects, begins TLS, logs in where the URL says so, and leaves without a mail.
///
/// # Errors
/// What the server answered, or where the connection failed. The server's own words are left out: they repeat addresses.
pub async fn probe_smtp(server: &SmtpServer) -> Result<(), PortError> {
    let server = MailServer::new(server.clone(), Stopping::new());
    let mut connection = server.try_out().await?;
    say_goodbye(&mut connection.smtp).await;
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
    pub(super) fn new(server: SmtpServer, stopping: Stopping) -> Self {
        Self {
            server,
            tls: Arc::default(),
            lane: Arc::default(),
            pool: Pool::new(stopping.clone()),
            stopping,
        }
    }

    /// Whether the server lets us in, where it asks who we are. The connection is kept for the first mail.
    pub(super) async fn introduce(&self) -> Result<(), PortError> {
        if self.server.url.credentials.is_some() {
            let connection = self.try_out().await?;
            self.pool.give(connection).await;
        }
        Ok(())
    }

    /// A connection on which a mail could begin, for a person who waits for it.
    async fn try_out(&self) -> Result<Connection, PortError> {
        let opened = timeout(PROBE_DEADLINE, self.open()).await;
        let late = SmtpFailure::Late {
            step: "the greeting",
        };
        opened
            .unwrap_or(Err(late))
            .map_err(|failure| PortError::transient("use the mail server", failure))
    }

    /// Goes as far as the server's readiness for a mail: connects, begins TLS, logs in, and asks for nothing.
    pub(super) async fn prove(&self, mail: &Mail) -> Result<(), MailOutcome> {
        let _turn = self.turn(mail).await?;
        let asked = async {
            let mut connection = self.open().await?;
            command(&mut connection.smtp, "NOOP", commands::Noop).await?;
            Ok(connection)
        };
        let asked = self.before(Instant::now() + BEFORE_DEADLINE, asked).await;
        let mut connection = asked?;
        say_goodbye(&mut connection.smtp).await;
        Ok(())
    }

    pub(super) async fn deliver(
        &self,
        mail: &Mail,
        message: &[u8],
        log: &MailLog,
    ) -> Result<(), MailOutcome> {
        let _turn = self.turn(mail).await?;
        let deadline = Instant::now() + BEFORE_DEADLINE;
        let mut connection = self.before(deadline, Box::pin(self.prepare(mail))).await?;
        let answered = {
            let gate = &connection.gate;
            let end = || {
                gate.close();
                None
            };
            let parts = iter::once(message).chain(iter::from_fn(end));
            let mut sending = std::pin::pin!(connection.smtp.message_iter(parts));
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
                self.pool.give(connection).await;
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

    /// Everything up to the server's readiness for the message. A connection that was kept, and on which the server does not begin a mail, is
    /// no answer: nothing has gone out on it, and a new one tells.
    async fn prepare(&self, mail: &Mail) -> Result<Connection, SmtpFailure> {
        let from = commands::Mail::new(Some(address(mail.from.address())?), Vec::new());
        let to = commands::Rcpt::new(address(&mail.to)?, Vec::new());
        let mut connection = if let Some(kept) = self.begin_on_kept(&from).await {
            kept
        } else {
            let mut new = self.open().await?;
            command(&mut new.smtp, "MAIL FROM", from).await?;
            new
        };
        command(&mut connection.smtp, "RCPT TO", to).await?;
        command(&mut connection.smtp, "DATA", commands::Data).await?;
        Ok(connection)
    }

    async fn begin_on_kept(&self, from: &commands::Mail) -> Option<Connection> {
        let mut connection = self.pool.take()?;
        let begun = command(&mut connection.smtp, "MAIL FROM", from);
        let begun = timeout(KEPT_DEADLINE, begun).await;
        matches!(begun, Ok(Ok(()))).then_some(connection)
    }

    /// Connects, and logs in.
    async fn open(&self) -> Result<Connection, SmtpFailure> {
        let gate = Gate::default();
        let mut smtp = self.greet(gate.clone()).await?;
        if let Some(credentials) = &self.server.url.credentials {
            let offered = smtp.server_info();
            if offered.get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
                let is_oauth = offered.supports_auth_mechanism(Mechanism::Xoauth2);
                say_goodbye(&mut smtp).await;
                return Err(SmtpFailure::NoLogin { is_oauth });
            }
            let login = smtp.auth(DEFAULT_MECHANISMS, credentials).await;
            login.map_err(SmtpFailure::at("the login"))?;
        }
        Ok(Connection::new(smtp, gate))
    }

    /// Connects, and begins TLS as the URL says.
    async fn greet(&self, gate: Gate) -> Result<AsyncSmtpConnection, SmtpFailure> {
        let SmtpUrl {
            host, port, tls, ..
        } = &self.server.url;
        let stream = PatientStream::new(connect::connect(host, *port).await?, gate);
        let name = self.server.hello();
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
        let parameters = self.server.tls().map_err(SmtpFailure::at("TLS"))?;
        Ok(self.tls.get_or_init(|| parameters).clone())
    }
}

fn address(address: &EmailAddress) -> Result<Address, SmtpFailure> {
    address.expose().parse().map_err(SmtpFailure::Address)
}

impl std::fmt::Debug for MailServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MailServer").field(&self.server).finish()
    }
}
