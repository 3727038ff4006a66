//! The settings that the functions alone have. `xtask` mounts this file: it knows nothing but the pipeline.

use leadwire_pipeline::settings::Function::{self, Enrich, Ingest, Sweep};
use leadwire_pipeline::settings::Preset::Required;
use leadwire_pipeline::settings::Template::{Parameter, Stack};
use leadwire_pipeline::settings::{Parsed, Setting};

const ALL: &[Function] = Function::ALL;
const BUCKET: Parsed<String> = Parsed::new("BUCKET", "the name of an S3 bucket", |name| {
    let is_valid = (3..=63).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.');
    is_valid
        .then(|| name.to_owned())
        .ok_or("cannot be used".into())
});
const SECRET: Parsed<String> = Parsed::text("ARN", "a value, or no such variable");

leadwire_pipeline::settings! {
    /// The bucket of raw events.
    RAW_BUCKET: Parsed<String> = Setting::new(BUCKET).default(Required).aws("RAW_BUCKET", ALL, Stack);

    /// The bucket of the owner files; `sweep` needs it for its canary only.
    LOOKUP_BUCKET: Parsed<String> = Setting::new(BUCKET).default(Required)
        .aws("LOOKUP_BUCKET", &[Enrich, Sweep], Parameter("ExistingLookupBucket"));

    /// The bucket of everything else that is stored.
    ENRICHED_BUCKET: Parsed<String> = Setting::new(BUCKET).default(Required).aws("ENRICHED_BUCKET", ALL, Stack);

    /// The URL of the delay queue.
    DELAY_QUEUE_URL: Parsed<String> = Setting::new(Parsed::new("URL", "the URL of an SQS queue, for example https://sqs.us-east-1.amazonaws.com/123456789012/name", url)).default(Required)
        .aws("DELAY_QUEUE_URL", ALL, Stack);

    /// The secret that holds the sources document. Without it, only a `dev` stack takes requests: unsigned ones, at `/ingest`.
    SOURCES_SECRET_ARN: Parsed<String> = Setting::new(SECRET).aws("SOURCES_SECRET_ARN", &[Ingest], Parameter("SourcesSecretArn"));

    /// SES's configuration set.
    SES_CONFIGURATION_SET: Parsed<String> = Setting::new(Parsed::text("NAME", "a value, or no such variable"))
        .aws("SES_CONFIGURATION_SET", &[Enrich], Parameter("SesConfigurationSet"));

    /// The secret that signs canaries; without it there is no canary.
    CANARY_SECRET_ARN: Parsed<String> = Setting::new(SECRET).aws("CANARY_SECRET_ARN", &[Ingest, Sweep], Stack);

    /// The address that canaries are posted to.
    CANARY_URL: Parsed<String> = Setting::new(Parsed::new("URL", "the stack's own address, https://<API_ID>.execute-api.<REGION>.amazonaws.com/Prod/ingest/canary", |text| {
        url(text).and_then(|url| url.ends_with("/ingest/canary").then_some(url).ok_or("cannot be used".into()))
    })).aws("CANARY_URL", &[Sweep], Stack);
}

/// An absolute URL with a path.
fn url(url: &str) -> Result<String, std::borrow::Cow<'static, str>> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let is_valid =
        rest.is_some_and(|rest| rest.contains('/') && rest.bytes().all(|b| b.is_ascii_graphic()));
    is_valid
        .then(|| url.to_owned())
        .ok_or("cannot be used".into())
}
