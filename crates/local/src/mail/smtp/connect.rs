//! The way to a server that has several addresses: one that does not answer does not keep the others waiting (RFC 8305).

use super::failure::SmtpFailure;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long looking up the name, and each address, may take.
const ADDRESS_DEADLINE: Duration = Duration::from_secs(30);
/// After so long the next address is tried too, while this one is still waited for.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(300);

/// Connects to the first address of a host that takes the connection.
pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, SmtpFailure> {
    let found = timeout(ADDRESS_DEADLINE, lookup_host((host, port))).await;
    let found = found.unwrap_or_else(|_late| Err(io::ErrorKind::TimedOut.into()));
    let found = found.map_err(SmtpFailure::Lookup)?;
    connect_first(alternate(found.collect()))
        .await
        .map_err(SmtpFailure::Connect)
}

/// The addresses in the order of the system, one of each family in turn.
fn alternate(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_ipv6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let (mut next, mut other): (VecDeque<_>, VecDeque<_>) = found
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_ipv6);
    let mut all = Vec::new();
    while let Some(address) = next.pop_front() {
        all.push(address);
        if !other.is_empty() {
            std::mem::swap(&mut next, &mut other);
        }
    }
    all
}

/// Tries one after the other, the next one as soon as one fails, or beside it where it takes long.
pub(super) async fn connect_first(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut left = addresses.into_iter();
    let mut tried = JoinSet::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        let next = left.next();
        let has_more = next.is_some();
        if let Some(address) = next {
            tried.spawn(async move {
                let connected = timeout(ADDRESS_DEADLINE, TcpStream::connect(address)).await;
                connected.unwrap_or_else(|_late| Err(io::ErrorKind::TimedOut.into()))
            });
        }
        let ended = tokio::select! {
            ended = tried.join_next() => ended,
            () = sleep(NEXT_ADDRESS_AFTER), if has_more => continue,
        };
        match ended {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => failure = error,
            Some(Err(stopped)) => failure = io::Error::other(stopped),
            None => return Err(failure),
        }
    }
}

#[cfg(test)]
mod tests;
