//! Where things stand: URL, tokens, members, methods, other sources; and files of requests.

use super::*;

#[test]
fn white_space_around_a_configured_secret_is_named() {
    for (kind, list) in [
        (SourceKind::Pipedrive, "passwords"),
        (SourceKind::Zoho, "tokens"),
    ] {
        let (mut document, request) = sample(kind);
        document["own"][list] = json!([format!(" {} ", secret(kind, 0))]);
        check_found(
            kind,
            (&document, &request),
            &Mistake::SecretRead(Reading::Trimmed),
        );
    }
}

#[test]
fn a_url_that_differs_is_told_by_its_part() {
    let ours = "https://hooks.example.com/ingest/hubspot?a=1&b=x%2Cy";
    for (signed_url, expected) in [
        (
            "http://hooks.example.com/ingest/hubspot?a=1&b=x%2Cy",
            "another scheme",
        ),
        (
            "https://hooks.example.com:8443/ingest/hubspot?a=1&b=x%2Cy",
            "another port",
        ),
        (
            "https://hooks.example.com/Prod/ingest/hubspot?a=1&b=x%2Cy",
            "a stage in its path",
        ),
        (
            "https://hooks.example.com/ingest/hubspot/?a=1&b=x%2Cy",
            "a slash at the end of its path",
        ),
        ("https://hooks.example.com/ingest/hubspot", "another query"),
        (
            "https://hooks.example.com/ingest/hubspot?b=x%2Cy&a=1",
            "a query in another order",
        ),
        (
            "https://hooks.example.com/ingest/own?a=1&b=x%2Cy",
            "another path",
        ),
        (
            "https://proxied.example.com/ingest/hubspot?a=1&b=x%2Cy",
            "another host",
        ),
        (
            "http://hooks.example.com/Prod/ingest/hubspot?a=1&b=x%2Cy",
            "another scheme",
        ),
    ] {
        for versions in [json!(["v3"]), json!(["v2"])] {
            let with = |url: &str| {
                let members = json!({ "secrets": ["s"], "url": url, "versions": versions });
                document(SourceKind::HubSpot, members)
            };
            let mut request = signed(&with(signed_url), |body| body, now());
            request.headers.push((
                "x-forwarded-host".to_owned(),
                b"proxied.example.com".to_vec(),
            ));
            check_found(
                SourceKind::HubSpot,
                (&with(ours), &request),
                &Mistake::Url(expected),
            );
        }
    }
}

#[test]
fn a_token_in_another_place_is_told() {
    let (document, good) = sample(SourceKind::Salesforce);
    let token = secret(SourceKind::Salesforce, 0);
    let elsewhere = |found: &str| Mistake::TokenElsewhere {
        expected: "the parameter \"token\"".to_owned(),
        found: found.to_owned(),
    };
    for (query, header, found) in [
        (format!("Token={token}"), "", "the parameter \"Token\""),
        (
            String::new(),
            "authorization: Bearer ",
            "the header \"authorization\"",
        ),
        (String::new(), "x-token: ", "the header \"x-token\""),
    ] {
        let mut request = SavedRequest {
            query,
            ..good.clone()
        };
        if let Some((name, scheme)) = header.split_once(": ") {
            request
                .headers
                .push((name.to_owned(), format!("{scheme}{token}").into_bytes()));
        }
        check_found(
            SourceKind::Salesforce,
            (&document, &request),
            &elsewhere(found),
        );
    }
    let (document, mut request) = sample(SourceKind::Zoho);
    let mut body: Map<String, Value> = serde_json::from_slice(&request.body).unwrap();
    body.remove("token");
    request.body = Value::Object(body).to_string().into_bytes();
    request.query = format!("token={}", secret(SourceKind::Zoho, 0));
    let expected = Mistake::TokenElsewhere {
        expected: "the body's member \"token\"".to_owned(),
        found: "the parameter \"token\"".to_owned(),
    };
    check_found(SourceKind::Zoho, (&document, &request), &expected);
}

#[test]
fn another_user_or_organization_is_told_by_its_member() {
    for (kind, member, other) in [
        (SourceKind::Pipedrive, "user", "somebody"),
        (SourceKind::Salesforce, "organization_id", "00D000000000002"),
    ] {
        let (mut document, request) = sample(kind);
        document["own"][member] = other.into();
        check_found(
            kind,
            (&document, &request),
            &Mistake::Member(member.to_owned()),
        );
    }
}

#[test]
fn a_request_of_another_source_or_kind_is_told() {
    for kind in SourceKind::configurable() {
        for other in SourceKind::configurable() {
            let alike = [SourceKind::Generic, SourceKind::Standard];
            if kind == other || (alike.contains(&kind) && alike.contains(&other)) {
                continue;
            }
            let (document, _) = sample(kind);
            let (theirs, request) = sample(other);
            let mut both = document.clone();
            both["theirs"] = theirs["own"].clone();
            let found = mistakes(&both, &request);
            assert!(
                matches!(&found[..], [Mistake::RequestOf(found)] if *found == name("theirs"))
                    || matches!(&found[..], [Mistake::SignedAs(found)] if *found == other),
                "{kind} {other}: {found:?}"
            );
            // Where the other kind is not configured, and its secret is unknown.
            if other.signs_body() {
                let found = mistakes(&document, &request);
                let is_kind = |found: &Mistake| matches!(found, Mistake::SignedAs(found) if *found == other || (alike.contains(found) && alike.contains(&other)));
                assert!(
                    found.iter().all(is_kind) && !found.is_empty(),
                    "{kind} {other}: {found:?}"
                );
            }
        }
    }
}

#[test]
fn what_the_door_refuses_before_it_looks_at_a_secret_is_no_verified_request() {
    for kind in SourceKind::configurable() {
        let (document, good) = sample(kind);
        let mut zipped = good.clone();
        zipped
            .headers
            .push(("content-encoding".to_owned(), b"gzip".to_vec()));
        check_found(
            kind,
            (&document, &zipped),
            &Mistake::Shape(Problem::UnsupportedEncoding),
        );
        let moved = SavedRequest {
            path: "/Prod/ingest/other".to_owned(),
            ..good.clone()
        };
        check_found(kind, (&document, &moved), &Mistake::Address(name("other")));
        let put = SavedRequest {
            method: "PUT".to_owned(),
            ..good
        };
        let found = mistakes(&document, &put);
        assert_eq!(
            found.first(),
            Some(&Mistake::Shape(Problem::MethodNotAllowed)),
            "{kind}"
        );
    }
}

#[test]
fn a_method_that_was_signed_otherwise_is_told() {
    let (document, good) = sample(SourceKind::HubSpot);
    let put = SavedRequest {
        method: "PUT".to_owned(),
        ..good
    };
    let found = mistakes(&document, &put);
    assert_eq!(
        found,
        [
            Mistake::Shape(Problem::MethodNotAllowed),
            Mistake::Method("POST")
        ]
    );
}

#[test]
fn where_nothing_fits_it_says_what_was_tried() {
    for kind in SourceKind::configurable() {
        let (document, _) = sample(kind);
        let unknown = self::document(kind, kind.example_members(&secret(kind, 77)));
        let request = signed(&unknown, |body| body, now());
        let Verdict::Refused {
            mistakes, tried, ..
        } = verdict(&document, &request)
        else {
            panic!("{kind}");
        };
        assert!(
            mistakes.is_empty() && tried.len() > 4,
            "{kind}: {mistakes:?}"
        );
    }
}

#[test]
fn a_saved_request_is_read_however_its_lines_end_and_whatever_saved_it() {
    let (document, good) = sample(SourceKind::Standard);
    let file = String::from_utf8(good.render()).unwrap();
    let (head, body) = file.split_once("\r\n\r\n").unwrap();
    let no_length = head
        .lines()
        .filter(|line| !line.starts_with("content-length"))
        .collect::<Vec<_>>()
        .join("\n");
    let half = body.len() / 2;
    let (one, other) = (&body.as_bytes()[..half], &body.as_bytes()[half..]);
    let [one, other] = [one, other]
        .map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    let chunks = [one, other, b"0\r\n\r\n".to_vec()].concat();
    for file in [
        format!("{head}\n\n{body}\n\n").into_bytes(),
        format!("\u{feff}\n{no_length}\n\n{body}").into_bytes(),
        file.replacen("POST ", "POST https://hooks.example.com", 1)
            .into_bytes(),
        [
            format!("{no_length}\nTransfer-Encoding: chunked\n\n").as_bytes(),
            &chunks,
        ]
        .concat(),
        format!("{no_length}\nTransfer-Encoding: chunked\n\n{body}").into_bytes(),
    ] {
        let request = SavedRequest::parse(&file).unwrap();
        assert_eq!(
            verdict(&document, &request),
            Verdict::Verified(None),
            "{}",
            String::from_utf8_lossy(&file)
        );
    }
    for wrong in [
        "",
        "hello",
        "{\"a\":1}",
        "POST /ingest\nx\n\n",
        "POST /ingest HTTP/1.1\nleadwire-received-at: soon\n\n",
        "GET",
    ] {
        assert!(SavedRequest::parse(wrong.as_bytes()).is_err(), "{wrong:?}");
    }
}

fn any_kind() -> impl Strategy<Value = SourceKind> {
    prop::sample::select(SourceKind::configurable().collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases().cases / 20, ..cases() })]

    /// Whatever the file, what is said of it shows no secret, and is *verified* exactly where the door takes it.
    #[test]
    fn it_never_verifies_what_the_door_refuses_and_never_shows_a_secret(
        kind in any_kind(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        insert in prop::sample::select(hostile::TEXTS),
    ) {
        let (document, good) = sample(kind);
        let mut file = good.render();
        for (at, byte) in &changes {
            let at = at.index(file.len());
            file[at] = *byte;
        }
        if changes.len() == 3 {
            file.splice(10..10, insert.bytes());
        }
        if let Ok(request) = SavedRequest::parse(&file) {
            let sources = Sources::parse(&document.to_string()).unwrap();
            let delivery = Delivery {
                method: &request.method,
                path: &request.path,
                query: &request.query,
                headers: &request,
                body: &request.body,
                received_at: request.received_at.unwrap_or(now()),
            };
            let is_taken = delivery.check_shape().is_ok() && sources.verify(name("own"), &delivery).is_ok();
            let found = verdict(&document, &request);
            if let Verdict::Verified(age) = found {
                prop_assert!(is_taken || (age.is_some() && request.received_at.is_none()));
            }
            let shown = match &found {
                Verdict::Refused { mistakes, .. } => mistakes.iter().map(Mistake::text).collect::<String>(),
                Verdict::Verified(_) => String::new(),
            };
            let all = format!("{shown}{found:?}");
            prop_assert!(!all.contains(&secret(kind, 0)));
        }
    }

    /// Any bytes are a request or none.
    #[test]
    fn any_bytes_are_a_saved_request_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300), head in "POST /[a-z?=&/]{0,9} HTTP/1.1\r\n([a-z-]{1,9}: [a-z0-9]{0,9}\r\n){0,3}(content-length: [0-9]{1,3}\r\n|transfer-encoding: chunked\r\n)?\r\n") {
        for file in [bytes.clone(), [head.as_bytes(), &bytes].concat()] {
            if let Ok(request) = SavedRequest::parse(&file) {
                let again = SavedRequest::parse(&request.render()).unwrap();
                prop_assert_eq!(again.body, request.body);
                prop_assert_eq!(again.query, request.query);
            }
        }
    }
}
