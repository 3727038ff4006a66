//! The signature doctor over the real command: what it says of requests that were saved, and how it ends.

use crate::house::House;
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::lead::id::EventId;
use leadwire_domain::source::check::SAVED_BYTES_MAX;
use leadwire_domain::source::{SourceName, Sources};
use serde_json::{Value, json};

const EU: &str = "b9260244ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";
const US: &str = "00000000ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";
pub(crate) const OLD: &str = "11111111ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";
pub(crate) const BODY: &str =
    r#"{"event":{"object_type":"lead","action":"created","lead_id":"lead_1"}}"#;
const CHECK: &str = "source check close-eu --request saved.http";

/// Two sources of one kind.
pub(crate) fn sources() -> Value {
    json!({
        "close-eu": { "kind": "close", "secrets": [EU] },
        "close-us": { "kind": "close", "secrets": [US] },
    })
}

/// A folder with nothing but a sources document.
fn house() -> House {
    let house = House::new();
    house.write("leadwire-data/sources.json", &sources().to_string());
    house
}

fn signed_at() -> Timestamp {
    "2026-11-23T06:50:00Z".parse().unwrap()
}

/// The signature that Close would send of [`BODY`] with this secret.
pub(crate) fn signature(secret: &str) -> String {
    signature_at(secret, signed_at())
}

/// The same at another time.
pub(crate) fn signature_at(secret: &str, time: Timestamp) -> String {
    let document = json!({ "close": { "secrets": [secret] } }).to_string();
    let sources = Sources::parse(&document).unwrap();
    let close = sources.get(SourceName::parse("close").unwrap()).unwrap();
    let event_id = EventId::parse("ev_1").unwrap();
    let signed = close.sign(&event_id, BODY.into(), time).unwrap();
    let mut headers = signed.headers.into_iter();
    let found = headers.find(|(name, _)| *name == "close-sig-hash");
    found.unwrap().1
}

/// A request as a person writes it out of a delivery log.
pub(crate) fn saved(secret: &str, body: &str) -> String {
    let (time, signature) = (signed_at().as_second(), signature(secret));
    format!(
        "POST /ingest/close-eu HTTP/1.1\nHost: hooks.example.com\nClose-Sig-Timestamp: {time}\nClose-Sig-Hash: {signature}\n\n{body}"
    )
}

fn with(secret: &str, body: &str) -> House {
    let house = house();
    house.write("saved.http", &saved(secret, body));
    house
}

/// What a program is told of a request that does not verify.
#[track_caller]
fn refused(house: &House, flags: &str) -> Value {
    let mut documents = house.json_with(1, &format!("{CHECK} {flags}"));
    assert_eq!(documents.len(), 1);
    let told = documents.remove(0);
    assert_eq!(told["verified"], false, "{told:#}");
    told
}

/// The only mistake that is named.
#[track_caller]
fn mistake(told: &Value) -> &str {
    let mistakes = told["mistakes"].as_array().unwrap();
    assert_eq!(mistakes.len(), 1, "{told:#}");
    mistakes[0]["code"].as_str().unwrap()
}

#[test]
fn a_request_that_verifies_is_said_to_from_a_file_and_from_standard_input() {
    let house = with(EU, BODY);
    let at = format!("--at {}", signed_at());
    let told = &house.json(&format!("{CHECK} {at}"))[0];
    let expected = json!({
        "source": "close-eu", "kind": "close", "received_at": signed_at(), "verified": true, "age_seconds": null,
        "why": null, "header": null, "mistakes": [], "tried": [], "lacks_bytes": 0, "previous_documents": 0,
    });
    assert_eq!(*told, expected);
    // Nothing says when it came.
    let ran = house.run_reading("source check close-eu --request -", "saved.http");
    let ran = ran.expect_out(0, "verified by the source close-eu");
    assert!(
        ran.out.contains("It was signed ") && ran.out.contains("--at TIME"),
        "{}",
        ran.out
    );
}

#[test]
fn a_mistake_is_named_with_what_to_do_and_no_secret_or_signature_is_shown() {
    let house = with(US, BODY);
    let ran = house.run(CHECK).expect_code(1);
    for words in [
        "not verified by the source close-eu: no active secret matches the signature",
        "It is signed with the secret of the source close-us.",
        "Exchange the secrets, or give the sender the other source's address.",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    let told = refused(&house, "");
    assert_eq!(mistake(&told), "secret_of_another");
    assert_eq!(told["why"], "mismatch");
    let right = signature(EU);
    for hidden in [EU, US, &right, "lead_1"] {
        assert!(!ran.out.contains(hidden) && !told.to_string().contains(hidden));
    }
}

#[test]
fn a_line_feed_that_came_behind_the_body_is_found() {
    let house = with(EU, &format!("{BODY}\n"));
    assert_eq!(mistake(&refused(&house, "")), "body_changed");
}

#[test]
fn a_signature_is_stale_against_the_time_of_receipt_alone() {
    let house = with(EU, BODY);
    let late = signed_at() + SignedDuration::from_mins(20);
    let told = refused(&house, &format!("--at {late}"));
    assert_eq!((mistake(&told), &told["why"]), ("stale", &json!("stale")));
    assert_eq!(told["received_at"], late.to_string());
    let ran = house.run(&format!("{CHECK} --at {late}"));
    ran.expect_out(1, "1200 s old when the request came");
    // The file may say it too; what is typed counts before it.
    let file = saved(EU, BODY).replacen("\n\n", &format!("\nLeadwire-Received-At: {late}\n\n"), 1);
    house.write("saved.http", &file);
    assert_eq!(mistake(&refused(&house, "")), "stale");
    house
        .run(&format!("{CHECK} --at {}", signed_at()))
        .expect_code(0);
}

#[test]
fn a_secret_from_before_is_found_in_an_older_document() {
    let house = with(OLD, BODY);
    let told = refused(&house, "");
    assert_eq!(told["mistakes"], json!([]));
    let old = json!({ "close-eu": { "kind": "close", "secrets": [OLD] } });
    house.write("older.json", &old.to_string());
    house.write("other.json", &sources().to_string());
    let told = refused(&house, "--previous other.json --previous older.json");
    assert_eq!(mistake(&told), "secret_old");
    assert_eq!(told["previous_documents"], 2);
}

#[test]
fn where_nothing_fits_it_is_said_what_was_tried_and_what_to_do_next() {
    let house = with(OLD, BODY);
    let ran = house.run(CHECK).expect_code(1);
    for words in [
        "Tried, and not it: ",
        "the secrets of the other sources",
        "Next steps:\n  1. ",
        "\n  3. ",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    // Of which there are none.
    assert!(!ran.out.contains("the secrets from before"), "{}", ran.out);
}

#[test]
fn a_file_that_is_cut_off_says_so() {
    let house = house();
    let length = format!("\nContent-Length: {}\n\n", BODY.len() + 7);
    house.write(
        "saved.http",
        &saved(US, BODY.get(..20).unwrap()).replacen("\n\n", &length, 1),
    );
    let lacks = BODY.len() + 7 - 20;
    house.run(CHECK).expect_out(
        1,
        &format!("{lacks} bytes of the announced body are not in it"),
    );
    assert_eq!(refused(&house, "")["lacks_bytes"], lacks);
}

#[test]
fn what_cannot_be_used_is_a_mistake_of_the_caller_in_words() {
    let house = with(EU, BODY);
    house.write("prose.txt", "It does not work, says the customer.");
    house.write("huge.http", &"a".repeat(SAVED_BYTES_MAX + 1));
    let check = "source check close-eu --request";
    for (line, words) in [
        (format!("{check} prose.txt"), "the first line is not"),
        (format!("{check} huge.http"), "larger than 1 MiB"),
        (format!("{check} absent.http"), "could not read absent.http"),
        (
            "source check nobody --request saved.http".to_owned(),
            "there are close-eu, close-us",
        ),
        ("source check No! --request saved.http".to_owned(), "No!: "),
        (format!("{CHECK} --at noon"), "--at: a time such as"),
        (
            format!("{CHECK} --previous prose.txt"),
            "previous sources document cannot be used",
        ),
        (
            format!("{CHECK} --previous absent.json"),
            "could not read absent.json",
        ),
        (
            format!("{CHECK} --data empty"),
            "there is no sources document in empty",
        ),
        ("source check close-eu".to_owned(), "--request"),
    ] {
        let ran = house.run(&line).expect_error(2, words);
        assert!(ran.out.is_empty(), "{line}: {}", ran.out);
    }
    let ran = house.run_reading(&format!("{check} -"), "huge.http");
    ran.expect_error(2, "larger than 1 MiB");
    house.write("leadwire-data/sources.json", "{ half");
    house
        .run(CHECK)
        .expect_error(2, "the sources document cannot be used");
}
