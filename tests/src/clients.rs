//! Clients of the emulated services, for what a test itself puts, sends and reads.

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_http_client::Builder as HttpClientBuilder;
use bytes::Bytes;
use serde_json::Value;

use crate::http::Client;

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
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true);
        Self {
            cloudformation: aws_sdk_cloudformation::Client::new(&config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            ses: aws_sdk_sesv2::Client::new(&shared(mail)),
            sns: aws_sdk_sns::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
        }
    }

    /// Writes an object.
    pub async fn put(&self, bucket: &str, key: &str, text: &str) -> Result<()> {
        let body = Bytes::copy_from_slice(text.as_bytes()).into();
        let put = self.s3.put_object().bucket(bucket).key(key).body(body);
        put.send().await.with_context(|| key.to_owned())?;
        Ok(())
    }

    /// The bytes of an object; none where it is not there.
    pub async fn bytes(&self, bucket: &str, key: &str) -> Result<Option<Bytes>> {
        let found = self.s3.get_object().bucket(bucket).key(key).send().await;
        let is_absent = |error: &GetObjectError| error.is_no_such_key();
        match found {
            Ok(object) => Ok(Some(object.body.collect().await?.into_bytes())),
            Err(error) if error.as_service_error().is_some_and(is_absent) => Ok(None),
            Err(error) => Err(error).with_context(|| key.to_owned()),
        }
    }

    /// Creates a queue, and gives back its URL.
    pub async fn create_queue(&self, name: &str) -> Result<String> {
        let created = self.sqs.create_queue().queue_name(name).send().await?;
        created.queue_url.context("a queue has a URL")
    }

    /// The ARN of a queue.
    pub async fn queue_arn(&self, url: &str) -> Result<String> {
        let name = QueueAttributeName::QueueArn;
        let get = self.sqs.get_queue_attributes().queue_url(url);
        let reply = get.attribute_names(name.clone()).send().await?;
        let arn = reply.attributes().and_then(|all| all.get(&name));
        arn.cloned().context("a queue has an ARN")
    }

    /// How many messages a queue holds, in whatever state.
    pub async fn depth(&self, queue_url: &str) -> Result<u64> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let get = self.sqs.get_queue_attributes().queue_url(queue_url);
        let get = get.set_attribute_names(Some(names.to_vec()));
        let reply = get.send().await?;
        let counts = names.iter();
        let counts = counts.filter_map(|name| reply.attributes()?.get(name));
        Ok(counts.filter_map(|count| count.parse::<u64>().ok()).sum())
    }

    /// Sends a message, to be received at once, and gives back its id.
    pub async fn send(&self, queue_url: &str, body: &str) -> Result<String> {
        let send = self.sqs.send_message().queue_url(queue_url);
        let reply = send.message_body(body).delay_seconds(0).send().await?;
        reply.message_id.context("a message has an id")
    }
}

fn shared(endpoint: &str) -> aws_config::SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "harness");
    aws_config::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(HttpClientBuilder::new().build_http())
        .build()
}

/// Asks a service of an emulator of which one call does not pay for an SDK.
pub async fn ask(
    url: &str,
    service: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Result<Value> {
    let scope = format!("test/20261123/{REGION}/{service}/aws4_request");
    let signature = format!("Credential={scope}, SignedHeaders=host, Signature=0");
    let mut request =
        hyper::Request::post(url).header("Authorization", format!("AWS4-HMAC-SHA256 {signature}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Bytes::from(body.to_string()))?;
    let reply = Client::default().send(request).await?;
    let text = String::from_utf8_lossy(reply.body());
    ensure!(reply.status().is_success(), "{service}: {text}");
    serde_json::from_slice(reply.body()).with_context(|| format!("{service}: {text}"))
}
