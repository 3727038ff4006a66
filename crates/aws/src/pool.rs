//! The one HTTP client under every service: the SDK's own pool, bounded, and a lookup of names that asks once for all connections that are
//! opened at once.

use aws_smithy_http_client::pool::{Client, ConnectionPool};
use aws_smithy_http_client::tls::{Provider, TlsContext, rustls_provider::CryptoMode};
use aws_smithy_runtime::client::auth::no_auth::{NO_AUTH_SCHEME_ID, NoAuthScheme};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::identity::no_auth::NoAuthIdentityResolver;
use aws_smithy_runtime::client::orchestrator::endpoints::StaticUriEndpointResolver;
use aws_smithy_runtime::client::retries::strategy::NeverRetryStrategy;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A healthy endpoint of AWS is connected to in a few milliseconds.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// S3 closes an idle connection after about 20 s; one that is closed while we write costs a retry, and with SES an ambiguity.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// Connections to one host at most: a batch of ten writes two objects of each record at once. A caller that finds all of them busy waits for one,
/// which is sooner there than a new one would be.
pub(crate) const CONNECTIONS_MAX: usize = 20;

/// How long an answer to a lookup is good: as long as Amazon says of its own names.
const LOOKUP_AGE_MAX: Duration = Duration::from_secs(5);

/// One connector for all services, so that its roots are parsed once and its connections are shared.
pub(crate) fn connector(context: TlsContext) -> SharedHttpConnector {
    let pool = ConnectionPool::builder()
        .idle_timeout(POOL_IDLE_TIMEOUT)
        .max_connections_per_host(CONNECTIONS_MAX)
        .dns_resolver(Lookups::default())
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(context)
        .build_https()
        .expect("a pool with an idle time and a limit can be built");
    let client = Client::new(&pool).expect("a pool without partitions has the one of its own");
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .build();
    client.http_connector(&settings, &bystanders())
}

/// What a client asks of its caller: the clock and the timer, which are the default ones. The rest has to be there and is not used.
fn bystanders() -> RuntimeComponents {
    let anonymous = NoAuthIdentityResolver::new();
    let parts = RuntimeComponents::builder("leadwire")
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(Vec::new())))
        .with_endpoint_resolver(Some(StaticUriEndpointResolver::http_localhost(0)))
        .with_auth_scheme(NoAuthScheme::new())
        .with_identity_cache(Some(IdentityCache::no_cache()))
        .with_identity_resolver(NO_AUTH_SCHEME_ID, anonymous)
        .with_retry_strategy(Some(NeverRetryStrategy::new()));
    parts.build().expect("nothing that is required is missing")
}

/// Lookups of names. Each of the system's own takes a thread, and a batch opens twenty connections to a host at once.
#[derive(Debug, Default)]
struct Lookups(Mutex<HashMap<String, Arc<Lookup>>>);

/// What is known of one host. Who asks meanwhile waits for the answer that is on its way.
type Lookup = tokio::sync::Mutex<Option<(Instant, Vec<IpAddr>)>>;

impl Lookups {
    fn of(&self, host: &str) -> Arc<Lookup> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(host) {
            Some(known) => Arc::clone(known),
            None => Arc::clone(all.entry(host.to_owned()).or_default()),
        }
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, ResolveDnsError> {
        let lookup = self.of(host);
        let mut known = lookup.lock().await;
        if let Some((since, addresses)) = &*known
            && since.elapsed() < LOOKUP_AGE_MAX
        {
            return Ok(addresses.clone());
        }
        let found = tokio::net::lookup_host((host, 0)).await;
        let found: Vec<IpAddr> = found
            .map_err(ResolveDnsError::new)?
            .map(|address| address.ip())
            .collect();
        *known = Some((Instant::now(), found.clone()));
        Ok(found)
    }
}

impl ResolveDns for Lookups {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(self.addresses(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_host_is_looked_up_once_for_all_who_ask_at_once_and_again_when_that_is_old() {
        let lookups = Lookups::default();
        let since = async |host: &str| lookups.of(host).lock().await.as_ref().map(|known| known.0);
        let (first, second) = tokio::join!(
            lookups.addresses("localhost"),
            lookups.addresses("localhost")
        );
        assert_eq!(first.unwrap(), second.unwrap());
        let asked = since("localhost").await;
        tokio::time::advance(LOOKUP_AGE_MAX / 2).await;
        lookups.addresses("localhost").await.unwrap();
        assert_eq!(since("localhost").await, asked);
        tokio::time::advance(LOOKUP_AGE_MAX / 2).await;
        let again = lookups.addresses("localhost").await.unwrap();
        assert!(again.iter().all(IpAddr::is_loopback), "{again:?}");
        assert_ne!(since("localhost").await, asked);
    }
}
