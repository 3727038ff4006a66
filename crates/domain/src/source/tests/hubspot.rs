use super::call::{Call, at, configured, mistakes, read, split};
use crate::source::{SourceConfig, SourceKind, Unverified};

const FIXTURE: &str = include_str!("../../../fixtures/hubspot_events.json");
const SECRET: &str = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy";
const URL: &str = "https://www.example.com/webhook_uri";
const SIGNATURE: &str = "x-hubspot-signature";
const SIGNATURE_V3: &str = "x-hubspot-signature-v3";
const TIMESTAMP: &str = "x-hubspot-request-timestamp";
const VERSION: &str = "x-hubspot-signature-version";

/// The published vectors of the three versions.
fn published() -> [(&'static str, Call); 3] {
    let v1 = r#"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]"#;
    let v1 = Call::new(
        &[(
            SIGNATURE,
            "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de",
        )],
        v1,
    );
    let v2 = Call::new(
        &[(
            SIGNATURE,
            "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900",
        )],
        r#"{"example_field":"example_value"}"#,
    );
    let v3 = Call::new(
        &[
            (SIGNATURE_V3, "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
            (TIMESTAMP, "1693657560000"),
        ],
        "{'example_field':'example_value'}",
    );
    [("v1", v1), ("v2", v2), ("v3", v3)]
}

const PUBLISHED_AT: i64 = 1_693_657_560;

fn source(url: &str, secrets: &[&str], versions: &[&str]) -> SourceConfig {
    configured(&format!(
        r#"{{"hubspot":{{"secrets":{secrets:?},"url":{url:?},"versions":{versions:?}}}}}"#
    ))
}

fn verify(call: &Call, versions: &[&str]) -> Result<(), Unverified> {
    call.verify(&source(URL, &[SECRET], versions), at(PUBLISHED_AT))
}

#[test]
fn the_published_vectors_are_verified() {
    for (version, call) in published() {
        assert_eq!(verify(&call, &[version]), Ok(()), "{version}");
        assert_eq!(verify(&call, &["v1", "v2", "v3"]), Ok(()), "{version}");
        let rotated = source(URL, &["other", SECRET], &[version]);
        assert_eq!(call.verify(&rotated, at(PUBLISHED_AT)), Ok(()), "{version}");
        let strange = source(URL, &["other"], &[version]);
        let mismatch = Err(Unverified::Mismatch);
        assert_eq!(
            call.verify(&strange, at(PUBLISHED_AT)),
            mismatch,
            "{version}"
        );
    }
}

#[test]
fn no_published_vector_is_verified_with_a_bit_changed() {
    for (version, call) in published() {
        let mut changed = call.flipped(|call| &mut call.body);
        for (name, _) in &call.headers {
            changed.extend(call.flipped_header(name));
        }
        for other in changed {
            assert!(verify(&other, &[version]).is_err(), "{version} {other:?}");
        }
    }
}

#[test]
fn no_published_vector_is_verified_over_another_url() {
    for (version, call) in published()
        .into_iter()
        .filter(|(version, _)| *version != "v1")
    {
        for bit in 0..URL.len() * 8 {
            let mut url = URL.as_bytes().to_vec();
            url[bit / 8] ^= 1 << (bit % 8);
            let Ok(url) = String::from_utf8(url) else {
                continue;
            };
            let document = serde_json::json!({"hubspot": {"secrets": [SECRET], "url": url, "versions": [version]}});
            let Ok(sources) = crate::source::Sources::parse(&document.to_string()) else {
                continue;
            };
            let source = sources.iter().next().unwrap();
            assert!(
                call.verify(source, at(PUBLISHED_AT)).is_err(),
                "{version} {url}"
            );
        }
    }
}

#[test]
fn a_version_that_is_not_configured_verifies_nothing() {
    let [(_, v1), (_, v2), (_, v3)] = published();
    let missing = |name| Err(Unverified::HeaderMissing(name));
    for older in [&v1, &v2] {
        assert_eq!(verify(older, &["v3"]), missing(SIGNATURE_V3));
    }
    assert_eq!(verify(&v3, &["v1", "v2"]), missing(SIGNATURE));
    assert_eq!(verify(&v1, &["v2"]), Err(Unverified::Mismatch));
    assert_eq!(verify(&v2, &["v1"]), Err(Unverified::Mismatch));
    let by_default = configured(&format!(
        r#"{{"hubspot":{{"secrets":[{SECRET:?}],"url":{URL:?}}}}}"#
    ));
    assert_eq!(v3.verify(&by_default, at(PUBLISHED_AT)), Ok(()));
    assert_eq!(
        v1.verify(&by_default, at(PUBLISHED_AT)),
        missing(SIGNATURE_V3)
    );
}

#[test]
fn the_version_that_a_request_names_is_the_one_that_counts() {
    let [(_, v1), (_, v2), (_, v3)] = published();
    let all = ["v1", "v2", "v3"];
    for (call, own, other) in [(&v1, "v1", "v2"), (&v2, "v2", "v1")] {
        let named = |version: &str| {
            let mut call = call.clone();
            call.headers.push((VERSION, version.to_owned()));
            call
        };
        assert_eq!(verify(&named(own), &all), Ok(()));
        assert_eq!(verify(&named(other), &all), Err(Unverified::Mismatch));
        for changed in named(own).flipped_header(VERSION) {
            assert!(verify(&changed, &["v1", "v2"]).is_err());
        }
    }
    // HubSpot sends the older signature beside v3, which then decides.
    let mut both = v3.clone();
    both.headers
        .extend([(SIGNATURE, "00".repeat(32)), (VERSION, "v1".to_owned())]);
    assert_eq!(verify(&both, &all), Ok(()));
    let mut downgraded = both.clone();
    downgraded.headers[0].1 = "AAAA".to_owned();
    downgraded.headers[2] = v1.headers[0].clone();
    downgraded.body = v1.body.clone();
    assert!(verify(&downgraded, &all).is_err());
}

#[test]
fn a_signature_of_v3_is_fresh_within_the_tolerance_on_both_sides() {
    let [_, _, (_, v3)] = published();
    let source = source(URL, &[SECRET], &["v3"]);
    for (second, expected) in [
        (PUBLISHED_AT - 300, Ok(())),
        (PUBLISHED_AT + 300, Ok(())),
        (PUBLISHED_AT - 301, Err(Unverified::Stale(-301))),
        (PUBLISHED_AT + 301, Err(Unverified::Stale(301))),
    ] {
        assert_eq!(v3.verify(&source, at(second)), expected);
    }
}

#[test]
fn a_url_counts_as_it_is_written_and_as_hubspot_decodes_it() {
    let written = "https://a.example/x%3Ay%2fz%20?to=a%40b%21%24%27%28%29%2A%2C%3B&q=%3F%2B%";
    let decoded = "https://a.example/x:y/z%20?to=a@b!$'()*,;&q=?%2B%";
    for version in ["v2", "v3"] {
        let ours = source(written, &[SECRET], &[version]);
        for url in [written, decoded] {
            let theirs = source(url, &[SECRET], &[version]);
            let id = crate::lead::id::EventId::parse("1").unwrap();
            let signed = theirs.sign(&id, b"[]".to_vec(), at(PUBLISHED_AT)).unwrap();
            let call = Call {
                query: String::new(),
                headers: signed.headers,
                body: signed.body,
            };
            assert_eq!(
                call.verify(&ours, at(PUBLISHED_AT)),
                Ok(()),
                "{version} {url}"
            );
        }
    }
}

#[test]
fn every_mistake_in_its_configuration_is_found() {
    for (members, expected) in [
        (
            "{}",
            &[
                "has no secrets, so every request would be refused",
                "has no url, so every request would be refused",
            ][..],
        ),
        (
            r#"{"secrets":["a b",""],"url":"example.com","versions":[],"tokens":[]}"#,
            &[
                r#""tokens" is no member of it"#,
                "secret 1 has not the form of this source (the app's client secret, without white space)",
                "secret 2 has not the form of this source (the app's client secret, without white space)",
                "url is not the https:// address that HubSpot calls",
                "versions is empty, so every request would be refused",
            ],
        ),
        (
            r#"{"secrets":["a"],"url":"https://a.example/#x","versions":["v4"]}"#,
            &[
                "url is not the https:// address that HubSpot calls",
                r#"versions is not a list of "v3", "v2" and "v1""#,
            ],
        ),
    ] {
        let found = mistakes("hubspot", members);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }
}

#[test]
fn each_event_of_a_request_is_its_own_element_and_says_whom_it_is_about() {
    let source = source(URL, &[SECRET], &["v3"]);
    let elements = split(&source, FIXTURE);
    assert!(
        elements
            .iter()
            .all(|element| FIXTURE.contains(element.as_str()))
    );
    let read: Vec<_> = elements
        .iter()
        .map(|element| read(SourceKind::HubSpot, element))
        .collect();
    assert_eq!(
        read,
        [
            "123 62515|contact.creation|123|3816279340|1756970837674 2025-09-04T07:27:17.674Z fixed ",
            "456 62515|object.creation|456|3816279480|1756970838021 2025-09-04T07:27:18.021Z fixed ",
            "ignored contact.deletion",
        ]
    );
}

#[test]
fn an_event_is_taken_whatever_its_time_and_told_from_no_other_without_an_id() {
    let event = |rest: &str| {
        let text = format!(r#"{{"subscriptionType":"contact.creation","objectId":"1"{rest}}}"#);
        read(SourceKind::HubSpot, &text)
    };
    assert_eq!(event(""), "1 - - fixed ");
    assert_eq!(
        event(r#","eventId":null,"occurredAt":null"#),
        "1 - - fixed "
    );
    let odd = r#","eventId":7,"occurredAt":"soon","portalId":2"#;
    assert_eq!(event(odd), "1 2|contact.creation|1|7|soon - fixed ");
    let changed = r#","propertyName":"email","propertyValue":"a@b.example","changeSource":"CRM""#;
    assert_eq!(
        event(changed),
        r#"1 - - fixed propertyName="email" propertyValue="a@b.example""#
    );
}

#[test]
fn what_is_no_event_says_why() {
    for (event, code) in [
        ("[", "invalid_json"),
        ("1", "invalid_event"),
        ("{}", "invalid_event"),
        (
            r#"{"subscriptionType":"contact.creation"}"#,
            "invalid_lead_id",
        ),
        (
            r#"{"subscriptionType":"contact.creation","objectId":1.5}"#,
            "invalid_lead_id",
        ),
        (
            r#"{"subscriptionType":"contact.creation","objectId":1,"eventId":"é"}"#,
            "invalid_event_id",
        ),
        (
            r#"{"subscriptionType":"contact.creation","objectId":1,"objectId":1}"#,
            "duplicate_key",
        ),
    ] {
        assert_eq!(read(SourceKind::HubSpot, event), code, "{event}");
    }
}

#[test]
fn another_attempt_is_the_same_content() {
    let again = FIXTURE.replace(r#""attemptNumber":0"#, r#""attemptNumber":1"#);
    let source = source(URL, &[SECRET], &["v3"]);
    for (one, other) in split(&source, FIXTURE).iter().zip(split(&source, again)) {
        assert_ne!(one, &other);
        assert!(SourceKind::HubSpot.is_same_content(one.as_bytes(), other.as_bytes()));
    }
}
