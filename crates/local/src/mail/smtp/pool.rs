//! Connections that are kept for the next mail: some servers take a connection and a login for each mail for an attack.

use super::say_goodbye;
use super::stream::Gate;
use crate::stop::Stopping;
use crate::system::lock;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// So many idle connections are kept.
const KEPT_MAX: usize = 4;
/// For so long. A server that holds to RFC 5321 (4.5.3.2.7) waits five minutes; busy ones, and what translates addresses in between, wait less.
const KEPT_FOR: Duration = Duration::from_secs(30);
/// So many mails go over one. Servers have limits of their own, often 100.
const MAILS_MAX: u32 = 50;

/// A connection on which a mail can begin.
pub(super) struct Connection {
    pub(super) smtp: AsyncSmtpConnection,
    pub(super) gate: Gate,
    mails: u32,
}

impl Connection {
    pub(super) fn new(smtp: AsyncSmtpConnection, gate: Gate) -> Self {
        let mails = 0;
        Self { smtp, gate, mails }
    }
}

/// The idle connections to a server.
pub(super) struct Pool {
    kept: Mutex<Kept>,
    stopping: Stopping,
}

#[derive(Default)]
struct Kept {
    /// The one that was used last stands last.
    connections: Vec<(Instant, Connection)>,
    /// Whether somebody closes them when their time is over.
    is_watched: bool,
}

impl Pool {
    pub(super) fn new(stopping: Stopping) -> Arc<Self> {
        let kept = Mutex::default();
        Arc::new(Self { kept, stopping })
    }

    /// The connection that was used last. Its server may have closed it.
    pub(super) fn take(&self) -> Option<Connection> {
        let kept = lock(&self.kept).connections.pop();
        kept.map(|(_, connection)| connection)
    }

    /// Takes a connection on which a mail was accepted, or on which none was begun.
    pub(super) async fn give(self: &Arc<Self>, mut connection: Connection) {
        connection.mails += 1;
        connection.gate.reset();
        if let Some(mut connection) = self.keep(connection) {
            say_goodbye(&mut connection.smtp).await;
        }
    }

    /// Keeps a connection, or gives it back.
    fn keep(self: &Arc<Self>, connection: Connection) -> Option<Connection> {
        let mut kept = lock(&self.kept);
        let is_worn = connection.mails >= MAILS_MAX || connection.smtp.has_broken();
        if is_worn || kept.connections.len() >= KEPT_MAX || self.stopping.has_begun() {
            return Some(connection);
        }
        kept.connections.push((Instant::now(), connection));
        if !kept.is_watched {
            kept.is_watched = true;
            tokio::spawn(watch(Arc::downgrade(self), self.stopping.clone()));
        }
        None
    }

    /// When the time of the first is over; none where none is kept, and nobody watches any more.
    fn next_end(&self) -> Option<Instant> {
        let mut kept = lock(&self.kept);
        let first = kept.connections.first().map(|(since, _)| *since + KEPT_FOR);
        kept.is_watched = first.is_some();
        first
    }

    /// Takes out those whose time is over; where the process stops, all.
    fn ended(&self) -> Vec<Connection> {
        let (now, stops) = (Instant::now(), self.stopping.has_begun());
        let mut kept = lock(&self.kept);
        let is_over = |(since, _): &mut (Instant, Connection)| stops || *since + KEPT_FOR <= now;
        let ended = kept.connections.extract_if(.., is_over);
        ended.map(|(_, connection)| connection).collect()
    }
}

/// Closes connections whose time is over, until none is left.
async fn watch(pool: Weak<Pool>, stopping: Stopping) {
    while let Some(end) = pool.upgrade().and_then(|pool| pool.next_end()) {
        tokio::select! {
            () = sleep_until(end) => {}
            _ = stopping.begun() => {}
        }
        let ended = pool.upgrade().map(|pool| pool.ended());
        for mut connection in ended.unwrap_or_default() {
            say_goodbye(&mut connection.smtp).await;
        }
    }
}
