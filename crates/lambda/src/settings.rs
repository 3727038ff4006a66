//! The settings that the functions alone have. `xtask` mounts this file: it knows nothing but the pipeline.

use leadwire_pipeline::settings::Function::{self, Enrich, Ingest, Sweep};
use leadwire_pipeline::settings::Preset::{Derived, Required};
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

/// The longest name of a stack (`CloudFormation`).
const STACK_NAME_CHARS_MAX: usize = 128;
const ACCOUNT_ID_DIGITS: usize = 12;

leadwire_pipeline::settings! {
    /// The stack's name, the dimension `environment` of every metric: two stacks of one `ENVIRONMENT` share no series.
    STACK_NAME: Parsed<String> = Setting::new(Parsed::new("NAME", "letters, digits and '-', beginning with a letter", stack_name)).default(Derived("`ENVIRONMENT`"))
        .aws("STACK_NAME", ALL, Stack);

    /// The account that must own the buckets: S3 refuses another's of the same name. Without it any owner is taken.
    ACCOUNT_ID: Parsed<String> = Setting::new(Parsed::new("ID", "the twelve digits of an AWS account", account_id))
        .aws("ACCOUNT_ID", ALL, Stack);

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
    SOURCES_SECRET_ARN: Parsed<String> = Setting::new(SECRET).aws("SOURCES_SECRET_ARN", &[Ingest, Sweep], Parameter("SourcesSecretArn"));

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

fn stack_name(name: &str) -> Result<String, std::borrow::Cow<'static, str>> {
    let is_valid = name.len() <= STACK_NAME_CHARS_MAX
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    is_valid
        .then(|| name.to_owned())
        .ok_or("cannot be used".into())
}

fn account_id(id: &str) -> Result<String, std::borrow::Cow<'static, str>> {
    let is_valid = id.len() == ACCOUNT_ID_DIGITS && id.bytes().all(|b| b.is_ascii_digit());
    is_valid
        .then(|| id.to_owned())
        .ok_or("cannot be used".into())
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
