//! Objects in S3.

mod eraser;

use crate::classify::{code, failed, port_error, status};
use crate::clients::ATTEMPT_TIMEOUT;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::Object;
use jiff::Timestamp;
use leadwire_pipeline::port::{
    Bucket, Created, ETag, Fetched, ListPage, Listed, NewObject, ObjectStore, PortError, Replaced,
    StoredObject,
};

/// Keys in one page of a listing; S3 gives no more.
const PAGE_KEYS_MAX: i32 = 1000;

/// The names of the buckets. A stage that does not need one has none.
#[derive(Clone, Debug, Default)]
pub struct Buckets {
    /// What came in.
    pub raw: Option<String>,
    /// The owner files.
    pub lookup: Option<String>,
    /// Everything that is ours.
    pub enriched: Option<String>,
    /// The account that must own each of them: another's bucket of the same name is refused.
    pub owner: Option<String>,
}

/// The object store over S3.
#[derive(Clone, Debug)]
pub struct S3Store {
    client: Client,
    buckets: Buckets,
}

impl S3Store {
    /// A store over these buckets.
    pub fn new(client: Client, buckets: Buckets) -> Self {
        Self { client, buckets }
    }

    fn name(&self, bucket: Bucket, action: &'static str) -> Result<&str, PortError> {
        let name = match bucket {
            Bucket::Raw => &self.buckets.raw,
            Bucket::Lookup => &self.buckets.lookup,
            Bucket::Enriched => &self.buckets.enriched,
        };
        name.as_deref().ok_or_else(|| {
            PortError::permanent(action, format!("this stage has no bucket {bucket:?}"))
        })
    }

    fn owner(&self) -> Option<String> {
        self.buckets.owner.clone()
    }

    fn read(
        &self,
        bucket: Bucket,
        key: &str,
        action: &'static str,
    ) -> Result<GetObjectFluentBuilder, PortError> {
        Ok(self
            .client
            .get_object()
            .bucket(self.name(bucket, action)?)
            .key(key)
            .set_expected_bucket_owner(self.owner()))
    }

    fn write(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
        action: &'static str,
    ) -> Result<PutObjectFluentBuilder, PortError> {
        let json = key
            .strip_suffix(".json")
            .map(|_name| "application/json".to_owned());
        Ok(self
            .client
            .put_object()
            .bucket(self.name(bucket, action)?)
            .key(key)
            .set_expected_bucket_owner(self.owner())
            .set_content_type(json)
            .set_metadata(Some(object.metadata.into_iter().collect()))
            .body(ByteStream::from(object.bytes)))
    }
}

impl ObjectStore for S3Store {
    async fn get(&self, bucket: Bucket, key: &str, bytes_max: usize) -> Result<Fetched, PortError> {
        let action = "read object";
        match self.read(bucket, key, action)?.send().await {
            Ok(output) => read(output, bytes_max, action).await,
            Err(error) => match (status(&error), code(&error)) {
                (Some(404), code) if code != Some("NoSuchBucket") => Ok(Fetched::Missing),
                (Some(403), Some("AccessDenied")) => Ok(Fetched::Denied),
                _ => Err(port_error(action, &error)),
            },
        }
    }

    async fn create(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> Result<Created, PortError> {
        let action = "create object";
        let request = self.write(bucket, key, object, action)?;
        match request.if_none_match("*").send().await {
            Ok(output) => Ok(Created::New(etag(output.e_tag()))),
            Err(error) => match status(&error) {
                Some(409 | 412) => Ok(Created::Exists),
                _ => Err(port_error(action, &error)),
            },
        }
    }

    async fn replace(
        &self,
        bucket: Bucket,
        key: &str,
        version: &ETag,
        object: NewObject,
    ) -> Result<Replaced, PortError> {
        let action = "replace object";
        let request = self.write(bucket, key, object, action)?;
        let version = format!("\"{}\"", version.0);
        match request.if_match(version).send().await {
            Ok(output) => Ok(Replaced::New(etag(output.e_tag()))),
            Err(error) => match (status(&error), code(&error)) {
                (Some(409 | 412), _) => Ok(Replaced::Changed),
                (Some(404), code) if code != Some("NoSuchBucket") => Ok(Replaced::Changed),
                _ => Err(port_error(action, &error)),
            },
        }
    }

    async fn put(&self, bucket: Bucket, key: &str, object: NewObject) -> Result<(), PortError> {
        let action = "write object";
        let request = self.write(bucket, key, object, action)?;
        request.send().await.map(drop).map_err(failed(action))
    }

    async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<ListPage, PortError> {
        let action = "list objects";
        let request = self
            .client
            .list_objects_v2()
            .bucket(self.name(bucket, action)?)
            .prefix(prefix)
            .max_keys(PAGE_KEYS_MAX)
            .set_start_after(after.map(ToOwned::to_owned))
            .set_expected_bucket_owner(self.owner());
        let output = request.send().await.map_err(failed(action))?;
        let entries = output.contents().iter().map(listed);
        Ok(ListPage {
            entries: entries.collect::<Result<_, _>>()?,
            more: output.is_truncated() == Some(true),
        })
    }
}

/// The SDK's time limit ends with the headers; the body has one of its own.
async fn read(
    output: GetObjectOutput,
    bytes_max: usize,
    action: &'static str,
) -> Result<Fetched, PortError> {
    let reading = tokio::time::timeout(ATTEMPT_TIMEOUT, read_body(output, bytes_max));
    reading
        .await
        .map_err(|elapsed| PortError::transient(action, elapsed))?
}

async fn read_body(output: GetObjectOutput, bytes_max: usize) -> Result<Fetched, PortError> {
    let action = "read object";
    let announced = output
        .content_length()
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or_default();
    if announced > bytes_max {
        return Ok(Fetched::TooLarge);
    }
    let last_modified = time(output.last_modified(), action)?;
    let etag = etag(output.e_tag());
    let metadata = output.metadata.unwrap_or_default().into_iter().collect();
    let mut bytes = Vec::with_capacity(announced);
    let mut body = output.body;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| PortError::transient(action, error))?;
        if bytes.len() + chunk.len() > bytes_max {
            return Ok(Fetched::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Fetched::Found(StoredObject {
        bytes,
        etag,
        metadata,
        last_modified,
    }))
}

fn listed(object: &Object) -> Result<Listed, PortError> {
    Ok(Listed {
        key: object.key().unwrap_or_default().to_owned(),
        size: object
            .size()
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or_default(),
        last_modified: time(object.last_modified(), "list objects")?,
    })
}

fn etag(quoted: Option<&str>) -> ETag {
    ETag(quoted.unwrap_or_default().trim_matches('"').to_owned())
}

fn time(time: Option<&DateTime>, action: &'static str) -> Result<Timestamp, PortError> {
    let time =
        time.ok_or_else(|| PortError::transient(action, "the answer has no Last-Modified"))?;
    Timestamp::from_second(time.secs()).map_err(|error| PortError::transient(action, error))
}
