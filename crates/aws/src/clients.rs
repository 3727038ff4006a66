//! One configuration, one connection pool, one client per service.

use crate::endpoint::KnownEndpoints;
use crate::environment::{self, AWS_ENDPOINT_URL, Lookup};
use crate::hooks::Hooks;
use crate::pool::{self, CONNECT_TIMEOUT};
use crate::trust::{BundleError, Roots};
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_smithy_http_client::tls::TlsContext;
use aws_smithy_runtime::client::retries::classifiers::HttpStatusCodeClassifier;
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::checksum_config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::sdk_config;
use aws_types::service_config::ServiceConfigKey;
use leadwire_pipeline::region;
use leadwire_pipeline::settings::RECORD_DEADLINE;
use std::time::Duration;

/// The variable that names a PEM file of roots, as in the AWS CLI.
pub const AWS_CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// How long one attempt may wait for its answer. A shorter one would make ambiguity: whatever is cut off may have happened.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long SES may take: a late reply is no lost one, so it is waited for as long as the record that it belongs to has time to write it down.
pub(crate) const MAIL_TIMEOUT: Duration = Duration::from_secs(17);
const _: () = assert!(MAIL_TIMEOUT.as_millis() + 3_000 <= RECORD_DEADLINE.as_millis());
/// The first pause before a retry, at most. The SDK's own second would leave a webhook's 4 s no room for a third attempt.
const INITIAL_BACKOFF: Duration = Duration::from_millis(200);
const ATTEMPTS_MAX: u32 = 3;
/// S3's answer to two conditional writes at once. AWS asks to try again, the SDK by itself does not.
const CONFLICT: u16 = 409;

/// Why no client can be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientsError {
    /// The file that `AWS_CA_BUNDLE` names cannot be read.
    #[error("the file {path} cannot be read")]
    BundleUnreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file that `AWS_CA_BUNDLE` names is no bundle.
    #[error("the file {path} cannot be used")]
    Bundle {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: BundleError,
    },
    /// No region is configured.
    #[error("no region is configured")]
    NoRegion,
}

impl ClientsError {
    /// The variable that has to be corrected.
    pub fn variable(&self) -> &'static str {
        match self {
            Self::BundleUnreadable { .. } | Self::Bundle { .. } => AWS_CA_BUNDLE,
            Self::NoRegion => "AWS_REGION",
        }
    }
}

/// What every client shares. Build it once, at the start: roots are parsed and connections are kept here.
#[derive(Clone, Debug)]
pub struct Clients {
    sdk: SdkConfig,
    connector: SharedHttpConnector,
    mail_timeout: Duration,
}

impl Clients {
    /// Region, credentials and endpoints by the usual chain of every AWS SDK. `lookup` reads a variable of the environment, for the one that
    /// the SDK does not know: `AWS_CA_BUNDLE`.
    ///
    /// # Errors
    /// A bundle that cannot be used, or no region.
    pub async fn load(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ClientsError> {
        let context = roots(lookup)?;
        let loader = aws_config::defaults(BehaviorVersion::latest());
        let clients = Self::build(loader, context, [ATTEMPT_TIMEOUT, MAIL_TIMEOUT]).await;
        if clients.sdk.region().is_none() {
            return Err(ClientsError::NoRegion);
        }
        Ok(clients)
    }

    /// The same for a function: region, credentials and endpoints by what Lambda says in the environment, and nothing else.
    ///
    /// # Errors
    /// A bundle that cannot be used, or no region.
    pub fn of_function(lookup: Lookup) -> Result<Self, ClientsError> {
        let connector = pool::connector(roots(lookup)?);
        let builder = environment::configuration(lookup).ok_or(ClientsError::NoRegion)?;
        Ok(Self {
            sdk: tuned(builder, &connector, ATTEMPT_TIMEOUT),
            connector,
            mail_timeout: MAIL_TIMEOUT,
        })
    }

    pub(crate) async fn build(
        loader: ConfigLoader,
        context: TlsContext,
        [attempt_timeout, mail_timeout]: [Duration; 2],
    ) -> Self {
        let connector = pool::connector(context);
        let shared = connector.clone();
        // What looks for credentials is asked in the same way.
        let sdk = loader
            .http_client(http_client_fn(move |_settings, _components| shared.clone()))
            .timeout_config(timeouts(attempt_timeout))
            .retry_config(retries())
            .load()
            .await;
        Self {
            sdk: tuned(sdk.into_builder(), &connector, attempt_timeout),
            connector,
            mail_timeout,
        }
    }

    /// S3, path-style where another endpoint is configured for it.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk)
            .force_path_style(self.endpoint("S3").is_some())
            .retry_classifier(HttpStatusCodeClassifier::new_from_codes(vec![CONFLICT]))
            .endpoint_resolver(KnownEndpoints::default())
            .interceptor(Hooks);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::config::Builder::from(&self.sdk).interceptor(Hooks);
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    /// SES, asked exactly once: a retry after a lost reply would mail twice.
    pub fn ses(&self) -> aws_sdk_sesv2::Client {
        let config = aws_sdk_sesv2::config::Builder::from(&self.sdk)
            .timeout_config(timeouts(self.mail_timeout))
            .retry_config(RetryConfig::disabled())
            .interceptor(Hooks);
        aws_sdk_sesv2::Client::from_conf(config.build())
    }

    /// Secrets Manager.
    pub fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.sdk)
    }

    /// The SDK's configuration, for clients of other services.
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    pub(crate) fn connector(&self) -> &SharedHttpConnector {
        &self.connector
    }

    /// The endpoint that is configured for a service instead of AWS's own. Its id is what the SDK names it in its configuration.
    pub(crate) fn endpoint(&self, service_id: &str) -> Option<String> {
        let key = ServiceConfigKey::builder()
            .service_id(service_id)
            .env(AWS_ENDPOINT_URL)
            .profile("endpoint_url")
            .build()
            .ok()?;
        let own = self
            .sdk
            .service_config()
            .and_then(|config| config.load_config(key));
        own.or_else(|| self.sdk.endpoint_url().map(ToOwned::to_owned))
    }
}

/// The configuration that every client shares.
fn tuned(
    builder: sdk_config::Builder,
    connector: &SharedHttpConnector,
    attempt_timeout: Duration,
) -> SdkConfig {
    let shared = connector.clone();
    builder
        .http_client(http_client_fn(move |_settings, _components| shared.clone()))
        .timeout_config(timeouts(attempt_timeout))
        .retry_config(retries())
        // Every call has its time limit, and so has every body: watching its bytes as well would cost each call a timer.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // What is sent is signed with its SHA-256, which S3 checks: a second digest would find nothing more. What is read comes over TLS, and
        // the raw object is held against the digest in its message.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .build()
}

fn timeouts(attempt_timeout: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt_timeout)
        .build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(ATTEMPTS_MAX)
        .with_initial_backoff(INITIAL_BACKOFF)
}

/// Whom the clients trust.
fn roots(lookup: impl Fn(&str) -> Option<String>) -> Result<TlsContext, ClientsError> {
    match lookup(AWS_CA_BUNDLE) {
        Some(path) => bundle_context(&path),
        None => Ok(built_in_roots(&lookup)
            .context()
            .expect("built-in roots can be read, as a test asserts")),
    }
}

fn bundle_context(path: &str) -> Result<TlsContext, ClientsError> {
    let pem = std::fs::read(path).map_err(|source| ClientsError::BundleUnreadable {
        path: path.to_owned(),
        source,
    })?;
    Roots::Bundle(pem)
        .context()
        .map_err(|source| ClientsError::Bundle {
            path: path.to_owned(),
            source,
        })
}

/// AWS's own endpoints need AWS's own roots; another endpoint, or a partition that is not known, may be signed by anyone.
fn built_in_roots(lookup: impl Fn(&str) -> Option<String>) -> Roots {
    let region = lookup("AWS_REGION").or_else(|| lookup("AWS_DEFAULT_REGION"));
    let is_commercial =
        region.is_some_and(|region| region::domain(&region) == Some("amazonaws.com"));
    let services = ["", "_S3", "_SQS", "_SESV2", "_SECRETS_MANAGER"];
    let is_elsewhere = services
        .iter()
        .any(|service| lookup(&format!("{AWS_ENDPOINT_URL}{service}")).is_some());
    if is_commercial && !is_elsewhere {
        Roots::Amazon
    } else {
        Roots::Mozilla
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: &Roots) {
        let lookup = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(&built_in_roots(lookup), expected, "{variables:?}");
    }

    #[test]
    fn only_the_endpoints_of_aws_are_held_to_the_roots_of_aws() {
        check(&[("AWS_REGION", "us-east-1")], &Roots::Amazon);
        check(&[("AWS_DEFAULT_REGION", "eu-west-1")], &Roots::Amazon);
        check(&[], &Roots::Mozilla);
        check(&[("AWS_REGION", "cn-north-1")], &Roots::Mozilla);
        check(&[("AWS_REGION", "eusc-de-east-1")], &Roots::Mozilla);
        check(
            &[
                ("AWS_REGION", "us-east-1"),
                ("AWS_ENDPOINT_URL_S3", "https://minio.example.com"),
            ],
            &Roots::Mozilla,
        );
    }
}
