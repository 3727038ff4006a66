//! How values stand in the tables.

use jiff::Timestamp;
use leadwire_pipeline::port::Bucket;

/// The buckets that the database holds, as it numbers them.
pub(crate) fn number(bucket: Bucket) -> Option<i64> {
    match bucket {
        Bucket::Raw => Some(1),
        Bucket::Enriched => Some(2),
        Bucket::Lookup => None,
    }
}

/// A stored time; one that no clock of ours can have written reads as 1970.
pub(crate) fn timestamp(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or_default()
}
