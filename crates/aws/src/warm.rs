//! Opening connections before the first invocation: Lambda runs the start unthrottled, and a TLS handshake costs more than all else there.

use crate::clients::Clients;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use futures_util::future::join_all;
use leadwire_pipeline::region;
use std::time::Duration;

/// How long a start may wait for it.
const WARM_TIMEOUT: Duration = Duration::from_secs(1);

/// What a function will talk to.
#[derive(Clone, Debug, Default)]
pub struct WarmPlan {
    /// Buckets: each is a host of its own.
    pub buckets: Vec<String>,
    /// Whether it uses SQS.
    pub sqs: bool,
    /// Whether it uses SES.
    pub ses: bool,
    /// Whether it uses Secrets Manager.
    pub secrets: bool,
}

impl Clients {
    /// Opens a connection to each host with an unsigned `HEAD /`: it needs no permission and changes nothing. It waits at most a second;
    /// whatever fails is opened later, by the call that needs it. Plain HTTP has no handshake, so it is left out.
    pub async fn warm(&self, plan: &WarmPlan) {
        let requests = self
            .hosts(plan)
            .into_iter()
            .filter_map(|url| head(&url))
            .map(|request| self.connector().call(request));
        // Its answers, a 403 as likely as not, are of no interest, nor is a host that is too slow.
        drop(tokio::time::timeout(WARM_TIMEOUT, join_all(requests)).await);
    }

    fn hosts(&self, plan: &WarmPlan) -> Vec<String> {
        let Some(region) = self.sdk().region().map(ToString::to_string) else {
            return Vec::new();
        };
        // Elsewhere the SDK alone knows the addresses.
        let suffix = region::domain(&region);
        let mut hosts: Vec<String> = match self.endpoint("S3") {
            Some(endpoint) => vec![endpoint],
            // A name with a dot does not fit the certificate, and is addressed otherwise.
            None => plan
                .buckets
                .iter()
                .filter(|name| !name.contains('.'))
                .filter_map(|name| Some(format!("https://{name}.s3.{region}.{}/", suffix?)))
                .collect(),
        };
        for (is_used, service_id, name) in [
            (plan.sqs, "SQS", "sqs"),
            (plan.ses, "SESv2", "email"),
            (plan.secrets, "Secrets Manager", "secretsmanager"),
        ] {
            if is_used {
                let own = || Some(format!("https://{name}.{region}.{}/", suffix?));
                hosts.extend(self.endpoint(service_id).or_else(own));
            }
        }
        hosts.retain(|url| url.starts_with("https://"));
        hosts.sort();
        hosts.dedup();
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
