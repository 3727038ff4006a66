//! The canary of one machine: `up` posts it to its own address, as a CRM would.

use crate::client::{Client, Post};
use leadwire_local::LocalHome;
use leadwire_pipeline::observe::CanariesNotForgotten;
use leadwire_pipeline::operate::canary::Canary;
use leadwire_pipeline::port::{NoMailer, PortError, WebhookReply, WebhookSender};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Where a canary is posted, below the address of a pipeline.
pub(crate) const PATH: &str = "/ingest/canary";

/// The way to an address over HTTP.
#[derive(Debug)]
pub(crate) struct Door {
    client: Client,
    url: String,
}

impl Door {
    /// The way to the whole address `url`, through a proxy where the environment names one.
    pub(crate) fn to(url: String) -> Self {
        let client = Client::new();
        Self { client, url }
    }

    /// The way to the server at `address` on this very machine.
    fn of_this_machine(address: SocketAddr) -> Self {
        Self {
            client: Client::direct(),
            url: format!("http://{}{PATH}", reachable(address)),
        }
    }
}

impl WebhookSender for Door {
    async fn post(
        &self,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Result<WebhookReply, PortError> {
        let (client, url) = (self.client.clone(), self.url.clone());
        let query = String::new();
        let post = Post {
            headers,
            query,
            body,
        };
        let work = move || client.post(&url, &post);
        let reply = tokio::task::spawn_blocking(work).await;
        let reply = reply.map_err(anyhow::Error::new).flatten();
        reply.map_err(|error| PortError::transient("post the canary", error))
    }
}

/// A server that listens everywhere is reached at home.
fn reachable(address: SocketAddr) -> SocketAddr {
    let local: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let ip = address.ip();
    let ip = if ip.is_unspecified() { local } else { ip };
    SocketAddr::new(ip, address.port())
}

/// Sends a canary now and then, the first at once, and deletes those of yesterday. What goes wrong is logged where it happens.
pub(crate) async fn send_for_ever(home: LocalHome, address: SocketAddr, every: Duration) {
    let ports = Arc::new(home.ports(NoMailer));
    let door = Door::of_this_machine(address);
    let canary = Canary::new(ports, home.canary_secret(), door);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let _now: Instant = ticks.tick().await;
        // The stage has logged the outcome; the next one comes in any case.
        drop(canary.send().await);
        if let Err(error) = home.forget_canaries().await {
            CanariesNotForgotten { error: &error }.emit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_reached_where_it_listens_or_at_home() {
        for (listens, reached) in [
            ("127.0.0.1:8787", "127.0.0.1:8787"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            let reached: SocketAddr = reached.parse().unwrap();
            assert_eq!(reachable(listens.parse().unwrap()), reached);
        }
    }
}
