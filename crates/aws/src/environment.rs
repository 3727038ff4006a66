//! What a function reads in Lambda's environment: region, credentials, and endpoints other than AWS's own. A command asks the SDK's whole chain
//! instead, with its files, roles and sign-ins; reading that is a tenth of a cold start, and a function has none of it.

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::sdk_config;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use std::fmt;

/// The variable that sends every service to another endpoint; `AWS_ENDPOINT_URL_<SERVICE>` sends one.
pub const AWS_ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";

/// Reads a variable of the environment.
pub type Lookup = fn(&str) -> Option<String>;

/// The SDK's configuration by the environment alone; none without a region. Without credentials a function starts all the same, and its calls
/// fail until it has some.
pub(crate) fn configuration(lookup: Lookup) -> Option<sdk_config::Builder> {
    let region = lookup("AWS_REGION").or_else(|| lookup("AWS_DEFAULT_REGION"))?;
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let services = Services(lookup);
    let mut builder = aws_config::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    builder.set_endpoint_url(services.endpoint(AWS_ENDPOINT_URL));
    builder.set_use_fips(is_true(lookup, "AWS_USE_FIPS_ENDPOINT"));
    builder.set_use_dual_stack(is_true(lookup, "AWS_USE_DUALSTACK_ENDPOINT"));
    Some(builder.service_config(services))
}

fn is_true(lookup: Lookup, variable: &str) -> Option<bool> {
    Some(lookup(variable)?.trim().eq_ignore_ascii_case("true"))
}

/// What a variable says of one service: `<VARIABLE>_<SERVICE>`, else the variable itself.
struct Services(Lookup);

impl Services {
    fn endpoint(&self, variable: &str) -> Option<String> {
        let ignored = is_true(self.0, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") == Some(true);
        (self.0)(variable).filter(|_| !ignored)
    }
}

impl LoadServiceConfig for Services {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_ascii_uppercase().replace(' ', "_");
        let own = format!("{}_{service}", key.env());
        if key.env() == AWS_ENDPOINT_URL {
            return self.endpoint(&own).or_else(|| self.endpoint(key.env()));
        }
        (self.0)(&own).or_else(|| (self.0)(key.env()))
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Services")
    }
}
