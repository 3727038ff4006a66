//! Amazon S3's notification that objects were written, as it comes by a queue: known by its form.

use crate::key::lead_of_lookup_key;
use crate::lead::id::LeadId;
use crate::limits::{KEY_BYTES_MAX, NOTIFICATION_BYTES_MAX, NOTIFICATION_RECORDS_MAX};
use serde::Deserialize;

/// What S3 sends to a queue when a notification is configured, at every deployment.
const TEST_EVENT: &str = "s3:TestEvent";

/// The objects that a notification names. That of a test names none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3Notification {
    objects: Vec<S3Object>,
}

/// An object that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct S3Object {
    bucket: String,
    /// Decoded; absent where that is not possible.
    key: Option<String>,
}

#[derive(Deserialize)]
struct Form {
    #[serde(rename = "Records", default)]
    records: Vec<RecordForm>,
    #[serde(rename = "Event")]
    event: Option<String>,
}

#[derive(Deserialize)]
struct RecordForm {
    s3: Entity,
}

#[derive(Deserialize)]
struct Entity {
    bucket: BucketForm,
    object: ObjectForm,
}

#[derive(Deserialize)]
struct BucketForm {
    name: String,
}

#[derive(Deserialize)]
struct ObjectForm {
    key: String,
}

impl S3Notification {
    /// Takes the body of a queue message; absent where it is none of S3's.
    pub fn parse(body: &str) -> Option<Self> {
        if body.len() > NOTIFICATION_BYTES_MAX {
            return None;
        }
        let form: Form = serde_json::from_str(body).ok()?;
        if form.records.is_empty() {
            return (form.event? == TEST_EVENT).then(Self::default);
        }
        if form.records.len() > NOTIFICATION_RECORDS_MAX {
            return None;
        }
        let objects = form.records.into_iter().map(|record| S3Object {
            bucket: record.s3.bucket.name,
            key: decode(&record.s3.object.key),
        });
        Some(Self {
            objects: objects.collect(),
        })
    }

    /// The leads whose owner files in that bucket it names. Any other object counts for nothing.
    pub fn owners(&self, bucket: &str) -> impl Iterator<Item = LeadId> {
        let in_bucket = self.objects.iter();
        let in_bucket = in_bucket.filter(move |object| object.bucket == bucket);
        in_bucket.filter_map(|object| lead_of_lookup_key(object.key.as_deref()?))
    }
}

/// A key as S3 writes it in notifications: as in a form's URL encoding, a blank as `+`.
fn decode(key: &str) -> Option<String> {
    if key.len() > 3 * KEY_BYTES_MAX {
        return None;
    }
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(16 * high + low).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As S3 sends it.
    const PUT: &str = r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1","eventTime":"2026-11-23T07:00:00.000Z","eventName":"ObjectCreated:Put","userIdentity":{"principalId":"AWS:AIDA"},"requestParameters":{"sourceIPAddress":"192.0.2.1"},"responseElements":{"x-amz-request-id":"R","x-amz-id-2":"I"},"s3":{"s3SchemaVersion":"1.0","configurationId":"owner","bucket":{"name":"lookup","ownerIdentity":{"principalId":"A"},"arn":"arn:aws:s3:::lookup"},"object":{"key":"test-1.json","size":120,"eTag":"e","versionId":"v","sequencer":"0055AED6DCD90281E5"}}}]}"#;
    const TEST: &str = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-23T07:00:00.000Z","Bucket":"lookup","RequestId":"R","HostId":"H"}"#;

    fn record(bucket: &str, key: &str) -> String {
        format!(r#"{{"s3":{{"bucket":{{"name":"{bucket}"}},"object":{{"key":"{key}"}}}}}}"#)
    }

    fn of(records: &[String]) -> String {
        format!(r#"{{"Records":[{}]}}"#, records.join(","))
    }

    fn owners(body: &str) -> Vec<String> {
        let notification = S3Notification::parse(body).expect("a notification");
        let owners = notification.owners("lookup");
        owners.map(|lead| lead.to_string()).collect()
    }

    #[test]
    fn a_notification_names_the_leads_whose_owner_files_were_written() {
        assert_eq!(owners(PUT), ["test-1"]);
        let several = [record("lookup", "a.json"), record("lookup", "%61_1%2Ejson")];
        assert_eq!(owners(&of(&several)), ["a", "a_1"]);
    }

    #[test]
    fn the_test_event_another_bucket_and_a_key_that_is_no_owner_file_name_none() {
        assert!(owners(TEST).is_empty());
        for other in [
            record("elsewhere", "a.json"),
            record("lookup", "import/a.json"),
            record("lookup", "a.csv"),
            record("lookup", "a+b.json"),
            record("lookup", "a%20b.json"),
            record("lookup", "a%2.json"),
            record("lookup", "a%zz.json"),
            record("lookup", "%ff.json"),
            record("lookup", &"a".repeat(4 * KEY_BYTES_MAX)),
        ] {
            assert!(owners(&of(&[other])).is_empty());
        }
    }

    #[test]
    fn a_key_is_decoded_as_s3_writes_it() {
        assert_eq!(decode("a+b%2Bc%C3%A4.json").unwrap(), "a b+cä.json");
    }

    #[test]
    fn what_is_not_s3s_is_no_notification() {
        let many = vec![record("lookup", "a.json"); NOTIFICATION_RECORDS_MAX + 1];
        let long = format!("{PUT}{}", " ".repeat(NOTIFICATION_BYTES_MAX));
        for body in [
            "nonsense",
            "{}",
            r#"{"Records":[]}"#,
            r#"{"Records":[{}]}"#,
            r#"{"Records":[{"s3":{"bucket":{"name":"lookup"}}}]}"#,
            r#"{"Event":"s3:Other"}"#,
            r#"{"s3_key":"raw/x.json"}"#,
            &of(&many),
            &long,
        ] {
            assert_eq!(S3Notification::parse(body), None, "{}", body.len());
        }
        assert!(S3Notification::parse(&of(&many[1..])).is_some());
    }

    proptest! {
        #![proptest_config(crate::sample::cases())]

        #[test]
        fn any_text_is_answered_without_a_panic_and_any_owner_file_is_found(
            lead in crate::sample::lead_id(), text in crate::sample::text(), value in crate::sample::value(),
        ) {
            let _ = (S3Notification::parse(&text), S3Notification::parse(&value), decode(&text));
            let escaped = format!("{lead}.json").bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
            prop_assert_eq!(owners(&of(&[record("lookup", &escaped)])), [lead.to_string()]);
        }
    }
}
