//! The adapters against a service that answers by script, over real sockets: resets and silence are what they are in the world.

mod fault;
mod mail;
mod queue;
mod secret;
mod server;
mod store;
mod webhook;

use crate::Clients;
use crate::trust::Roots;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use server::Server;
use std::time::Duration;

/// Clients of the scripted service, otherwise made as in production.
async fn clients(server: &Server) -> Clients {
    clients_at(&server.url(), Duration::from_secs(3)).await
}

async fn clients_at(url: &str, attempt_timeout: Duration) -> Clients {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"));
    Clients::build(loader, Roots::Amazon.context().unwrap(), attempt_timeout).await
}
