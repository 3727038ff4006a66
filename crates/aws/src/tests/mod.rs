//! The adapters against a service that answers by script, over real sockets: resets and silence are what they are in the world.

mod each;
mod environment;
mod fault;
mod mail;
mod pool;
mod queue;
mod secret;
mod server;
mod store;
mod webhook;

use crate::Clients;
use crate::trust::Roots;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_smithy_http_client::tls::TlsContext;
use server::Server;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::TcpSocket;

/// How long an attempt may take that is answered, on however slow a machine.
const ATTEMPT: Duration = Duration::from_secs(20);
/// How long one may take that is not answered.
const SILENT_ATTEMPT: Duration = Duration::from_secs(3);

/// A URL at which nobody listens, for as long as the socket lives: a port that was only closed is soon another test's.
fn nobody_listens() -> (TcpSocket, String) {
    let bound = TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", bound.local_addr().unwrap());
    (bound, url)
}

/// Clients of the scripted service, otherwise made as in production.
async fn clients(server: &Server) -> Clients {
    clients_at(&server.url(), ATTEMPT).await
}

/// Clients of a service at this address.
///
/// The SDK's allowance of retries is shared by all clients of a service in a region: whoever fails on purpose has a region of its own.
async fn clients_at(url: &str, attempt_timeout: Duration) -> Clients {
    clients_in_time(url, [attempt_timeout; 2]).await
}

/// The same, where mails may take another time.
async fn clients_in_time(url: &str, timeouts: [Duration; 2]) -> Clients {
    // Parsed once: on one thread, the parsing of many would count as the silence of others.
    static CONTEXT: LazyLock<TlsContext> = LazyLock::new(|| Roots::Amazon.context().unwrap());
    static REGIONS: AtomicU32 = AtomicU32::new(1);
    let region = format!("test-{}", REGIONS.fetch_add(1, Ordering::Relaxed));
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new(region))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"));
    Clients::build(loader, CONTEXT.clone(), timeouts).await
}
