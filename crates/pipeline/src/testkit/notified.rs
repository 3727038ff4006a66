//! S3's notifications of owner files, as their queue gives them.

use crate::stage::enrich::Record;
use crate::trace::TraceContext;
use tracing::Span;

/// The name of the bucket of the owner files.
pub const OWNER_BUCKET: &str = "lookup";

/// S3's notification that an object was written.
pub fn notification(bucket: &str, key: &str) -> String {
    format!(
        r#"{{"Records":[{{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{{"bucket":{{"name":"{bucket}"}},"object":{{"key":"{key}"}}}}}}]}}"#
    )
}

/// The same, received for the first time.
pub fn notified(message_id: &str, (bucket, key): (&str, &str)) -> Record {
    Record {
        message_id: message_id.to_owned(),
        receipt_handle: message_id.to_owned(),
        body: notification(bucket, key),
        receive_count: 1,
        sent_at: None,
        first_received_at: None,
        trace: TraceContext::default(),
        span: Span::none(),
    }
}
