//! The door's manners: what is taken although its sender is careless, and what a refused one is told.

use crate::house::{DEADLINE, House, UNOWNED, Up, raw_exchange, wait_until};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// More connections than are served at once.
const CROWD: usize = 300;

/// Posts bytes with these headers; the answer's status, and its body.
#[track_caller]
fn post(up: &Up, headers: &str, body: &[u8]) -> (u16, Value) {
    let length = body.len();
    let head = format!(
        "POST /ingest HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    parse(&raw_exchange(&up.url, &[head.as_bytes(), body].concat()))
}

#[track_caller]
fn parse(answer: &str) -> (u16, Value) {
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let status = status.unwrap_or_else(|| panic!("no answer: {answer:?}"));
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[test]
fn what_is_no_json_is_told_what_it_looks_like_and_what_has_no_id_what_was_found() {
    let house = House::new();
    let up = house.up("");
    for (body, code, said) in [
        (&b"lead_id=a&name=b"[..], "invalid_json", "a form"),
        (b"<lead id='a'/>", "invalid_json", "XML"),
        (b"\x1f\x8b\x08\x00\x00\x00", "invalid_json", "compressed"),
        (
            b"{\n  \"lead_id\": \"a\",\n}",
            "invalid_json",
            "line 3, column 1",
        ),
        (
            b"{\"data\":{\"id\":\"secret-1\"}}",
            "invalid_lead_id",
            "data.id",
        ),
    ] {
        let (status, problem) = post(&up, "", body);
        assert_eq!((status, &problem["code"]), (400, &code.into()), "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{detail}");
        let told = up.wait_for("request_rejected");
        let cause = told["cause"].as_str().unwrap();
        assert!(
            cause.contains(said) && !told.to_string().contains("secret-1"),
            "{told}"
        );
    }
}

#[test]
fn a_careless_sender_loses_no_lead() {
    let house = House::new();
    let up = house.up(&format!("--delay 0s {UNOWNED}"));
    for (lead, headers, body) in [
        ("bom", "", "\u{feff}{\"lead_id\":\"bom\"}".to_owned()),
        (
            "half",
            "",
            r#"{"lead_id":"half","display_name":"Ann \ud83d"}"#.to_owned(),
        ),
        (
            "charset",
            "Content-Encoding: UTF-8\r\n",
            r#"{"lead_id":"charset"}"#.to_owned(),
        ),
        (
            "empty",
            "Content-Encoding:\r\n",
            r#"{"lead_id":"empty"}"#.to_owned(),
        ),
        (
            "none",
            "Content-Encoding: none\r\n",
            r#"{"lead_id":"none"}"#.to_owned(),
        ),
        (
            "twice",
            "Idempotency-Key: k1\r\nIdempotency-Key: k1\r\n",
            r#"{"lead_id":"twice"}"#.to_owned(),
        ),
    ] {
        let (status, answer) = post(&up, headers, body.as_bytes());
        assert_eq!(status, 202, "{lead}: {answer}");
        let event = &answer["events"][0];
        assert_eq!(event.get("warnings"), None, "{lead}");
        assert_eq!(event["event_id"] == "k1", lead == "twice", "{lead}");
        wait_until("it is mailed", || house.lead(lead)["stage"] == "mailed");
    }
    let documents = house.files("enriched").into_iter();
    let paths = documents.map(|name| house.data().join("enriched").join(name));
    let texts: Vec<_> = paths
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    assert!(
        texts.iter().any(|text| text.contains(r"Ann \ud83d")),
        "as it came"
    );
    let subjects = house.mails().into_iter().map(|name| {
        let mail = std::fs::read_to_string(house.data().join("outbox").join(name)).unwrap();
        mail.contains("Ann =EF=BF=BD") || mail.contains("Ann \u{fffd}")
    });
    assert_eq!(subjects.filter(|is_shown| *is_shown).count(), 1);
    for encoding in ["gzip", "br", "identity, deflate"] {
        let header = format!("Content-Encoding: {encoding}\r\n");
        assert_eq!(
            post(&up, &header, br#"{"lead_id":"a"}"#).0,
            415,
            "{encoding}"
        );
    }
}

#[test]
fn a_body_that_does_not_come_to_its_end_is_answered_with_408_and_counted() {
    let house = House::new();
    let up = house.up("");
    let request = b"POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"lead_id\":";
    let answer = raw_exchange(&up.url, request);
    let (status, problem) = parse(&answer);
    assert_eq!(
        (status, &problem["code"]),
        (408, &"too_slow".into()),
        "{answer}"
    );
    assert!(
        answer.to_ascii_lowercase().contains("connection: close"),
        "{answer}"
    );
    assert_eq!(up.wait_for("request_rejected")["reason"], "too_slow");
}

#[test]
fn too_many_headers_are_answered_with_431_and_counted() {
    let house = House::new();
    let up = house.up("");
    let headers = "X-Other: a\r\n".repeat(150);
    assert_eq!(post(&up, &headers, b"{}").0, 431);
    assert_eq!(
        up.wait_for("request_rejected")["reason"],
        "headers_too_large"
    );
}

#[test]
fn idle_connections_keep_no_lead_waiting_and_the_longest_idle_one_goes() {
    let house = House::new();
    let up = house.up("");
    let host = up.url.split('/').nth(2).unwrap();
    let mut idle: Vec<TcpStream> = (0..CROWD)
        .map(|_| TcpStream::connect(host).unwrap())
        .collect();
    let begun = Instant::now();
    up.accept("a");
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    // The first that came is gone, and the last is served.
    let first = &mut idle[0];
    first.set_read_timeout(Some(DEADLINE)).unwrap();
    assert_eq!(first.read(&mut [0]).unwrap_or_default(), 0);
    let last = idle.last_mut().unwrap();
    last.set_read_timeout(Some(DEADLINE)).unwrap();
    last.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut status = [0; 12];
    last.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
}

#[test]
fn a_lead_id_of_another_alphabet_goes_by_either_form_everywhere() {
    const ID: &str = "urn:li:1:2";
    const STAND_IN: &str = "x-d5e1d2ea";
    let house = House::new();
    let put = house.run(&format!("lookup put --create {ID} --owner Omar --json"));
    let put = put.expect_code(0).documents().remove(0);
    let id = put["lead_id"].as_str().unwrap().to_owned();
    assert!(
        id.starts_with("x-") && id.len() == STAND_IN.len() + 24,
        "{id}"
    );
    assert_eq!(house.files("lookup"), [format!("{id}.json")]);
    let rows = format!("lead_id;owner\n{{GUID}};Olga\n{id};Omar\n{ID};Otto\n");
    house.write("owners.csv", &rows);
    house
        .run("lookup import owners.csv")
        .expect_out(1, "stands in line 3 already");
    house
        .run("lookup import --skip-bad owners.csv")
        .expect_code(1);
    assert_eq!(house.files("lookup").len(), 2);
    let up = house.up("--delay 0s");
    let (status, answer) = post(&up, "", format!(r#"{{"lead_id":"{ID}"}}"#).as_bytes());
    assert_eq!(
        (status, &answer["events"][0]["lead_id"]),
        (202, &id.as_str().into())
    );
    for form in [ID, &id] {
        wait_until("it is mailed", || house.lead(form)["stage"] == "mailed");
    }
    let document = house.files("enriched").remove(0);
    let document = std::fs::read_to_string(house.data().join("enriched").join(document)).unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(
        (&document["lead_id"], &document["external_id"]),
        (&id.as_str().into(), &ID.into())
    );
    assert_eq!(document["lead_owner"], "Omar");
    house
        .run(&format!("replay {ID} --notify force --yes"))
        .expect_code(0);
    house
        .run(&format!("forget {ID} --yes --lease 1"))
        .expect_code(0);
    house.run(&format!("lead {id}")).expect_out(0, "forgotten");
}
