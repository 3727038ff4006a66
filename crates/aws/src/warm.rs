//! Opening connections before the first invocation: Lambda runs the start unthrottled, and a TLS handshake costs more than all else there.

use crate::clients::Clients;
use crate::pool::CONNECTIONS_MAX;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use futures_util::future::join_all;
use leadwire_pipeline::region;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a start may wait for it.
const WARM_TIMEOUT: Duration = Duration::from_secs(1);

/// What a function will talk to, and over how many connections at once.
#[derive(Clone, Debug, Default)]
pub struct WarmPlan {
    /// Buckets: each is a host of its own, unless another endpoint is configured for all of them.
    pub buckets: Vec<(String, usize)>,
    /// Connections to SQS.
    pub sqs: usize,
    /// Connections to SES.
    pub ses: usize,
    /// Connections to Secrets Manager.
    pub secrets: usize,
}

impl Clients {
    /// Opens connections to each host with an unsigned `HEAD /`: it needs no permission and changes nothing. It waits at most a second;
    /// whatever fails is opened later, by the call that needs it. Plain HTTP has no handshake, so it is left out.
    pub async fn warm(&self, plan: &WarmPlan) {
        let requests = self
            .hosts(plan)
            .into_iter()
            .flat_map(|(url, count)| std::iter::repeat_n(url, count.min(CONNECTIONS_MAX)))
            .filter_map(|url| head(&url))
            .map(|request| self.connector().call(request));
        // Its answers, a 403 as likely as not, are of no interest, nor is a host that is too slow.
        drop(tokio::time::timeout(WARM_TIMEOUT, join_all(requests)).await);
    }

    /// Each host, with its connections.
    fn hosts(&self, plan: &WarmPlan) -> BTreeMap<String, usize> {
        let mut hosts = BTreeMap::new();
        let Some(region) = self.sdk().region().map(ToString::to_string) else {
            return hosts;
        };
        // Elsewhere the SDK alone knows the addresses.
        let suffix = region::domain(&region);
        let mut add = |url: Option<String>, count: usize| {
            if let Some(url) = url.filter(|url| count > 0 && url.starts_with("https://")) {
                // Several buckets at one host are asked one after the other, as two services at one are in tests.
                let known: &mut usize = hosts.entry(url).or_default();
                *known = count.max(*known);
            }
        };
        let of_all_buckets = self.endpoint("S3");
        for (name, count) in &plan.buckets {
            match &of_all_buckets {
                Some(endpoint) => add(Some(endpoint.clone()), *count),
                // A name with a dot does not fit the certificate, and is addressed otherwise.
                None if name.contains('.') => {}
                None => {
                    let own = suffix.map(|suffix| format!("https://{name}.s3.{region}.{suffix}/"));
                    add(own, *count);
                }
            }
        }
        for (count, service_id, name) in [
            (plan.sqs, "SQS", "sqs"),
            (plan.ses, "SESv2", "email"),
            (plan.secrets, "Secrets Manager", "secretsmanager"),
        ] {
            let own = || Some(format!("https://{name}.{region}.{}/", suffix?));
            add(self.endpoint(service_id).or_else(own), count);
        }
        hosts
    }
}

fn head(url: &str) -> Option<HttpRequest> {
    let request = http::Request::builder()
        .method(http::Method::HEAD)
        .uri(url)
        .body(SdkBody::empty())
        .ok()?;
    HttpRequest::try_from(request).ok()
}
