//! Everything that can grow has its limit here, with where the number comes from.

/// Longest body of a webhook, in bytes (promise P8).
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Events of one request (promise P8).
pub const EVENTS_MAX: usize = 100;
/// Most that the elements of one request can be together, in bytes, where each is made and repeats what they have in common.
pub const SPLIT_BYTES_MAX: usize = 4 * BODY_BYTES_MAX;
/// Longest type of an event that is repeated in an answer, in characters: a CRM's own word, and a sender may write anything there.
pub const EVENT_TYPE_CHARS_MAX: usize = 128;
/// Longest text that says how a custom source's events are read. It is a label of each, and S3 keeps 2 KB of labels, of which ours are 700 bytes.
pub const MAPPING_BYTES_MAX: usize = 1024;
/// The longest name of a source.
pub const SOURCE_NAME_BYTES_MAX: usize = 32;
/// Longest silence of a source that can be waited for, in hours: a year.
pub const SILENCE_HOURS_MAX: u16 = 8760;
/// How often it is recorded that something verified came from a source, in minutes. Few writes, and little beside the shortest silence, an hour.
pub const SEEN_MINUTES: u8 = 15;
/// Deepest nesting of JSON (promise P8); `serde_json` itself stops at 128.
pub const JSON_DEPTH_MAX: usize = 64;
/// Largest owner file, in bytes (promise P8).
pub const LOOKUP_BYTES_MAX: usize = 1024 * 1024;
/// Most that the list of conflicts can take besides the names in it, in bytes: a conflict has a member of at least 8 bytes (`"abc":1,`) on both
/// sides, and takes 29 bytes and its name, which the merged document then has once less.
pub const CONFLICTS_BYTES_MAX: usize = BODY_BYTES_MAX / 8 * 29;
/// Largest stored object that a stage reads: a body or an enriched document (body and owner file joined, with room for our own member).
pub const OBJECT_BYTES_MAX: usize =
    BODY_BYTES_MAX + LOOKUP_BYTES_MAX + CONFLICTS_BYTES_MAX + 64 * 1024;
/// Largest queue message, in bytes (promise P8 and the queue's `MaximumMessageSize`).
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024;
/// Ranges of names that a sweep lists at once: four listings each, of which a page of 1,000 entries and the next are held.
pub const SWEEP_RANGES_MAX: usize = 8;
/// Names that a sweep keeps for dividing what the next one looks at.
pub const SWEEP_MARKS_MAX: usize = 16 * SWEEP_RANGES_MAX;
/// Largest record of how far a sweep has come, in bytes: its names are keys, at most 1,024 bytes each (Amazon S3), which JSON may escape.
pub const SWEEP_PROGRESS_BYTES_MAX: usize = 1024 * 1024;
/// Largest notification of S3, in bytes: a record has a key of at most 1,024 bytes, three times as long as it is written, and about a
/// kilobyte beside it.
pub const NOTIFICATION_BYTES_MAX: usize = 64 * 1024;
/// Records of one notification. S3 sends one.
pub const NOTIFICATION_RECORDS_MAX: usize = 100;
/// Longest event id, in visible ASCII characters (promise P8).
pub const EVENT_ID_CHARS_MAX: usize = 256;
/// Longest lead id, in characters (docs/PROTOCOL.md, Requests and answers).
pub const LEAD_ID_CHARS_MAX: usize = 128;
/// Longest key of an object, in bytes (Amazon S3).
pub const KEY_BYTES_MAX: usize = 1024;
/// Slots that are tried for the key of one event before the CRM is asked to come back. A slot is taken only by another event of the same
/// lead in the same microsecond, and slots from the second on are spread over a second.
pub const SLOTS_MAX: u32 = 32;
/// Longest delay of a queue message, in seconds (Amazon SQS).
pub const QUEUE_DELAY_SECONDS_MAX: u32 = 900;
/// Hops of the wait for its time or the owner file before waiting counts as a failure. Twelve hops of 900 s outlast the longest window of
/// 9000 s.
pub const HOPS_MAX: u8 = 12;
/// Hops of the wait for a service: 110 of 900 s outlast a day.
pub const MAIL_HOPS_MAX: u8 = 110;
/// Longest wait for an owner file that can be configured, in seconds.
pub const WAIT_WINDOW_SECONDS_MAX: u32 = 9000;
/// Longest wait for a busy service that can be configured, in seconds: a day.
pub const MAIL_WAIT_SECONDS_MAX: u32 = 86_400;
/// Longest subject of a mail, in characters.
pub const SUBJECT_CHARS_MAX: usize = 200;
/// Longest value of a lead shown in a mail, in characters.
pub const MAIL_FIELD_CHARS_MAX: usize = 500;
/// Longest value of a further field that a mail shows, in characters.
pub const FURTHER_FIELD_CHARS_MAX: usize = 200;
/// Further fields that a mail shows.
pub const FURTHER_FIELDS_MAX: usize = 20;
/// Longest name of such a field that is shown, in characters.
pub const FIELD_NAME_CHARS_MAX: usize = 60;
/// Longest message of a lead that a mail shows, in characters: two pages of a phone.
pub const MESSAGE_CHARS_MAX: usize = 2000;
/// Lines of it.
pub const MESSAGE_LINES_MAX: usize = 40;
/// Telephone numbers of a lead that a mail shows.
pub const PHONES_MAX: usize = 5;
/// Longest line that a list of mails shows beside a subject, in characters: no client shows more.
pub const PREVIEW_CHARS_MAX: usize = 140;
/// Longest template of a link into the CRM, in characters: what every mail client follows.
pub const LEAD_URL_CHARS_MAX: usize = 2000;
/// Earlier revisions that are looked through for the document that a replay is compared with. Only a replay that never came to its document
/// leaves a gap, so that the first look finds it as a rule.
pub const REVISIONS_BACK_MAX: usize = 50;
/// Effects of one event (promise P8).
pub const EFFECTS_MAX: usize = 50;
/// Largest claim, in bytes (promise P8): [`EFFECTS_MAX`] effects with the longest names, ids and details.
pub const CLAIM_BYTES_MAX: usize = 32 * 1024;
/// Longest code of a service that is stored with an effect.
pub const DETAIL_CHARS_MAX: usize = 120;

#[expect(clippy::as_conversions, reason = "u32::from is not const")]
const _: () = assert!(HOPS_MAX as u32 * QUEUE_DELAY_SECONDS_MAX >= WAIT_WINDOW_SECONDS_MAX);
#[expect(clippy::as_conversions, reason = "u32::from is not const")]
const _: () = assert!(MAIL_HOPS_MAX as u32 * QUEUE_DELAY_SECONDS_MAX >= MAIL_WAIT_SECONDS_MAX);
// "enriched/crm_event_" + lead id + "_" + timestamp + ".r" + revision + ".json"
const _: () = assert!(19 + LEAD_ID_CHARS_MAX + 1 + 22 + 12 + 5 <= KEY_BYTES_MAX);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_the_contract_are_these() {
        let bytes = [BODY_BYTES_MAX, LOOKUP_BYTES_MAX, MESSAGE_BYTES_MAX];
        assert_eq!(bytes, [1_048_576, 1_048_576, 4_096]);
        let others = [JSON_DEPTH_MAX, EVENT_ID_CHARS_MAX, LEAD_ID_CHARS_MAX];
        assert_eq!(others, [64, 256, 128]);
        assert_eq!(EVENTS_MAX, 100);
        // A body and an owner file, 131,072 conflicts between them, and 64 KiB for our own member.
        assert_eq!(CONFLICTS_BYTES_MAX, 3_801_088);
        assert_eq!(OBJECT_BYTES_MAX, 5_963_776);
    }
}
