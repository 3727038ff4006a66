//! Clients of the emulated services, for what a test itself puts, sends and reads.

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::Builder as HttpClientBuilder;

/// The region of every emulated resource.
pub const REGION: &str = "us-east-1";
/// The account that `LocalStack` and moto answer for by default.
pub const ACCOUNT: &str = "000000000000";

/// One client of each service that a test talks to.
#[derive(Clone, Debug)]
pub struct Clients {
    /// `CloudFormation`.
    pub cloudformation: aws_sdk_cloudformation::Client,
    /// `CloudWatch`.
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// S3, path-style.
    pub s3: aws_sdk_s3::Client,
    /// SES v2.
    pub ses: aws_sdk_sesv2::Client,
    /// SNS.
    pub sns: aws_sdk_sns::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// Clients of the services behind `aws`, and of SES behind `mail`. Made per test: connections live and die with
    /// the test's own runtime.
    pub fn new(aws: &str, mail: &str) -> Self {
        let config = shared(aws);
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(true)
            .build();
        Self {
            cloudformation: aws_sdk_cloudformation::Client::new(&config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            ses: aws_sdk_sesv2::Client::new(&shared(mail)),
            sns: aws_sdk_sns::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
        }
    }
}

fn shared(endpoint: &str) -> aws_config::SdkConfig {
    aws_config::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(
            Credentials::new("test", "test", None, None, "harness"),
        ))
        .http_client(HttpClientBuilder::new().build_http())
        .build()
}
