//! Batches as the event source mapping delivers them, and what is reported to it about them.
//!
//! Bodies stay text: a typed body that does not parse would fail the whole batch before any code of ours runs.
//!
//! The batch is not `aws_lambda_events::sqs::SqsEvent` for the same reason: there, one count that is a number or one binary
//! attribute that is not base64 fails every message of the batch. `tests/it/library.rs` shows it, and that we read what it writes.

use aws_lambda_events::sqs::SqsBatchResponse;
use jiff::Timestamp;
use leadwire_pipeline::stage::enrich::{Outcome, Record};
use leadwire_pipeline::trace::{AWS_TRACE_HEADER, TRACEPARENT, TRACESTATE, TraceContext};
use serde::Deserialize;
use serde_json::Value;
use tracing::Span;

/// A batch of messages.
#[derive(Debug, Deserialize)]
pub struct QueueEvent {
    #[serde(rename = "Records", default)]
    records: Vec<QueueRecord>,
}

/// One message; only what is read of it. Attributes are taken as they come: an odd one must not fail the batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueueRecord {
    message_id: String,
    receipt_handle: Option<String>,
    #[serde(default)]
    body: Value,
    #[serde(default)]
    attributes: Value,
    #[serde(default)]
    message_attributes: Value,
    #[serde(default, rename = "eventSourceARN")]
    source: Value,
}

impl QueueEvent {
    /// The name of the queue that the batch comes from, where it says so.
    pub fn queue(&self) -> Option<&str> {
        let arn = self.records.first()?.source.as_str()?;
        arn.rsplit(':').next()
    }

    /// The stage's records.
    pub fn into_records(self) -> Vec<Record> {
        let records = self.records.into_iter();
        records.map(QueueRecord::into_record).collect()
    }
}

impl QueueRecord {
    fn into_record(self) -> Record {
        let attribute = |name: &str| self.attributes.get(name).and_then(Value::as_str);
        let message = |name: &str| {
            let text = self.message_attributes.get(name)?.get("stringValue")?;
            text.as_str().map(ToOwned::to_owned)
        };
        let time = |name: &str| {
            let millis = attribute(name)?.parse().ok()?;
            Timestamp::from_millisecond(millis).ok()
        };
        Record {
            receive_count: attribute("ApproximateReceiveCount")
                .and_then(|text| text.parse().ok())
                .unwrap_or(1),
            sent_at: time("SentTimestamp"),
            first_received_at: time("ApproximateFirstReceiveTimestamp"),
            span: Span::none(),
            trace: TraceContext {
                traceparent: message(TRACEPARENT),
                tracestate: message(TRACESTATE),
                xray: attribute(AWS_TRACE_HEADER).map(ToOwned::to_owned),
            },
            message_id: self.message_id,
            receipt_handle: self.receipt_handle.unwrap_or_default(),
            body: match self.body.as_str() {
                Some(text) => text.to_owned(),
                None => self.body.to_string(),
            },
        }
    }
}

/// Which messages of the batch come back: the failed ones. An id that was not received would make the whole batch come back,
/// so there is none.
pub fn response(received: &[String], outcomes: Vec<(String, Outcome)>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for (id, outcome) in outcomes {
        if outcome.is_failed() && received.contains(&id) {
            response.add_failure(id);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use leadwire_domain::failure::FailureReason;
    use leadwire_pipeline::stage::enrich::Done;

    #[test]
    fn odd_attributes_never_fail_the_batch() {
        let json = r#"{"Records":[
            {"messageId":"1","receiptHandle":"r","body":"not json","attributes":{"ApproximateReceiveCount":"many","SentTimestamp":"now"},
             "messageAttributes":{"traceparent":{"binaryValue":"AA==","dataType":"Binary"}}},
            {"messageId":"2","receiptHandle":"r","body":"{}","attributes":null,"messageAttributes":[]},
            {"messageId":"3","receiptHandle":null,"body":null}]}"#;
        let event: QueueEvent = serde_json::from_str(json).unwrap();
        let records = event.into_records();
        assert_eq!(records.len(), 3);
        for record in &records {
            assert_eq!((record.receive_count, record.sent_at), (1, None));
            assert_eq!(record.trace, TraceContext::default());
        }
        assert_eq!(records[0].body, "not json");
    }

    #[test]
    fn a_batch_names_its_queue_by_the_end_of_its_arn() {
        let queue = |json| {
            let event: QueueEvent = serde_json::from_str(json).unwrap();
            event.queue().map(ToOwned::to_owned)
        };
        let arn =
            r#"{"Records":[{"messageId":"1","eventSourceARN":"arn:aws:sqs:us-east-1:1:owner"}]}"#;
        assert_eq!(queue(arn).as_deref(), Some("owner"));
        for none in [
            r#"{"Records":[{"messageId":"1","eventSourceARN":7}]}"#,
            "{}",
        ] {
            assert_eq!(queue(none), None, "{none}");
        }
    }

    #[test]
    fn only_failed_messages_that_were_received_come_back() {
        let outcomes = vec![
            ("1".to_owned(), Outcome::Done(Done::Mailed)),
            ("2".to_owned(), Outcome::Failed(FailureReason::RawMissing)),
            ("9".to_owned(), Outcome::Failed(FailureReason::RawMissing)),
        ];
        let received = ["1".to_owned(), "2".to_owned()];
        for (outcomes, expected) in [
            (
                outcomes,
                r#"{"batchItemFailures":[{"itemIdentifier":"2"}]}"#,
            ),
            (Vec::new(), r#"{"batchItemFailures":[]}"#),
        ] {
            let response = response(&received, outcomes);
            assert_eq!(serde_json::to_string(&response).unwrap(), expected);
        }
    }
}
