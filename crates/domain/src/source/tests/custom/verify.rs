//! How its requests are verified, case by case.

use super::*;

fn base64(bytes: &[u8]) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn the_time_of_a_signature_is_held_to_the_tolerance_in_seconds_or_milliseconds() {
    let config = config(&contract());
    let check = |timestamp: &str| {
        let headers = signed(timestamp, BODY);
        verify(&config, &headers, "", BODY.as_bytes()).map(|_| ())
    };
    for good in [NOW, NOW - 300, NOW + 300] {
        assert_eq!(check(&good.to_string()), Ok(()));
        assert_eq!(check(&(good * 1000).to_string()), Ok(()));
    }
    assert_eq!(check(&(NOW - 301).to_string()), Err(Unverified::Stale(301)));
    assert_eq!(
        check(&(NOW + 301).to_string()),
        Err(Unverified::Stale(-301))
    );
    for malformed in ["", "soon", "-1", "1.8e9"] {
        assert_eq!(
            check(malformed),
            Err(Unverified::HeaderMalformed("x-timestamp"))
        );
    }
    let none = owned(vec![("x-timestamp", NOW.to_string())]);
    let refused = verify(&config, &none, "", BODY.as_bytes()).map(|_| ());
    assert_eq!(refused, Err(Unverified::HeaderMissing("x-signature")));
}

/// A source of this verification.
fn source(verify: &Value, format: &str) -> SourceConfig {
    let fields = json!({"lead_id": "/id"});
    config(&json!({"kind": "custom", "format": format, "fields": fields, "verify": verify}))
}

/// What is kept of a body that is verified.
fn check(
    config: &SourceConfig,
    headers: &[(&'static str, &str)],
    query: &str,
    body: &str,
) -> Result<String, Unverified> {
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    let headers = owned(headers.collect());
    let verified = verify(config, &headers, query, body.as_bytes())?;
    Ok(String::from_utf8(verified.body.into_owned()).unwrap())
}

const BODY: &str = r#"{"id":1}"#;

#[test]
fn bearer_and_basic_stand_in_their_header() {
    let (body, mismatch) = (BODY, Err(Unverified::Mismatch));
    let kept = Ok(body.to_owned());
    let bearer = source(
        &json!({"scheme": "bearer", "tokens": ["one", "twö"]}),
        "json",
    );
    for good in ["Bearer one", "bearer one"] {
        assert_eq!(check(&bearer, &[("authorization", good)], "", body), kept);
    }
    for bad in ["Bearer two", "Bearer ", "Bearer one ", "Bearer  one"] {
        assert_eq!(
            check(&bearer, &[("authorization", bad)], "", body),
            mismatch,
            "{bad}"
        );
    }
    let malformed = Err(Unverified::HeaderMalformed("authorization"));
    assert_eq!(
        check(&bearer, &[("authorization", "Basic one")], "", body),
        malformed
    );

    let basic = source(
        &json!({"scheme": "basic", "user": "zoë", "passwords": ["pä:ss"]}),
        "json",
    );
    let good = format!("Basic {}", base64(b"zo\xc3\xab:p\xc3\xa4:ss"));
    assert_eq!(check(&basic, &[("authorization", &good)], "", body), kept);
    // The same in Latin-1.
    let latin = format!("Basic {}", base64(b"zo\xeb:p\xe4:ss"));
    assert_eq!(
        check(&basic, &[("authorization", &latin)], "", body),
        mismatch
    );
}

#[test]
fn a_token_stands_in_a_header_or_in_the_query() {
    let (body, mismatch) = (BODY, Err(Unverified::Mismatch));
    let kept = Ok(body.to_owned());
    let header = source(
        &json!({"scheme": "token", "header": "X-Api-Key", "tokens": ["one"]}),
        "json",
    );
    assert_eq!(check(&header, &[("x-api-key", "one")], "", body), kept);
    assert_eq!(check(&header, &[("x-api-key", "onf")], "", body), mismatch);

    let query = source(
        &json!({"scheme": "token", "query": "api.key", "tokens": ["o ne"]}),
        "json",
    );
    for good in [
        "api.key=o%20ne",
        "a=b&api%2Ekey=o%20ne",
        "api.key=o%20ne&api.key=o%20ne",
    ] {
        assert_eq!(check(&query, &[], good, body), kept, "{good}");
    }
    let missing = Err(Unverified::MemberMissing("api.key"));
    for bad in ["", "api.key", "apikey=o%20ne", "api.key=o%20ne&api.key=x"] {
        assert_eq!(check(&query, &[], bad, body), missing, "{bad}");
    }
}

#[test]
fn a_token_in_the_body_is_kept_nowhere() {
    let mismatch = Err(Unverified::Mismatch);
    let field = source(
        &json!({"scheme": "token", "field": "/auth/key", "tokens": ["one"]}),
        "json",
    );
    let with = r#"{"id":1, "auth":{"key":"one","x":2}}"#;
    let without = r#"{"id":1, "auth":{"x":2}}"#;
    assert_eq!(check(&field, &[], "", with), Ok(without.to_owned()));
    let missing = Err(Unverified::MemberMissing("/auth/key"));
    for bad in [
        r#"{"id":1}"#,
        r#"{"auth":{"key":1}}"#,
        r#"{"auth":{"key":["one"]}}"#,
        r#"{"auth":[]}"#,
    ] {
        assert_eq!(check(&field, &[], "", bad), missing, "{bad}");
    }
    assert_eq!(check(&field, &[], "", "id=1"), Err(Unverified::Unreadable));

    let form = source(
        &json!({"scheme": "token", "field": "/key", "tokens": ["o ne"]}),
        "form",
    );
    assert_eq!(
        check(&form, &[], "", "id=1&key=o+ne&n=Z%C3%B6e"),
        Ok("id=1&n=Z%C3%B6e".to_owned())
    );
    let missing = Err(Unverified::MemberMissing("/key"));
    assert_eq!(check(&form, &[], "", "key=o+ne&key=o+ne"), missing);
    assert_eq!(check(&form, &[], "", "key=one"), mismatch);
}

#[test]
fn a_signature_is_one_of_a_list_where_it_has_a_prefix() {
    let config = config(&json!({"kind": "custom", "fields": {"lead_id": "/id"},
        "verify": {"scheme": "hmac-sha256", "header": "Calendly-Webhook-Signature", "prefix": "v1=", "signed": "{timestamp}.{body}",
            "timestamp": {"header": "Calendly-Webhook-Signature", "prefix": "t="}, "secrets": ["secret"]}}));
    let body = br#"{"id":1}"#;
    let own = hmac_sha256("secret", &[NOW.to_string().as_bytes(), b".", body]);
    let other = hmac_sha256("other", &[NOW.to_string().as_bytes(), b".", body]);
    let check = |value: String| {
        let headers = owned(vec![("calendly-webhook-signature", value)]);
        verify(&config, &headers, "", body).map(|_| ())
    };
    assert_eq!(check(format!("t={NOW},v1={own}")), Ok(()));
    assert_eq!(check(format!("v1={other}, v1={own}, t={NOW}")), Ok(()));
    assert_eq!(
        check(format!("t={NOW},v1={other}")),
        Err(Unverified::Mismatch)
    );
    let malformed = Err(Unverified::HeaderMalformed("calendly-webhook-signature"));
    for bad in [
        format!("v1={own}"),
        format!("t={NOW}"),
        format!("t={NOW},t={NOW},v1={own}"),
        own.clone(),
    ] {
        assert_eq!(check(bad), malformed);
    }
}

#[test]
fn a_signature_may_cover_the_address_the_method_and_headers() {
    let declaration = |url: Option<&str>| {
        let mut verify = json!({"scheme": "hmac-sha256", "header": "X-S", "signed": "{method} {url}\n{header:X-Id}\n{body}", "secrets": ["secret"]});
        if let Some(url) = url {
            verify["url"] = url.into();
        }
        config(&json!({"kind": "custom", "fields": {"lead_id": "/id"}, "verify": verify}))
    };
    let body = br#"{"id":1}"#;
    let check = |config: &SourceConfig, url: &str, query: &str| {
        let text = format!("POST {url}\n7\n");
        let headers = owned(vec![
            ("x-s", hmac_sha256("secret", &[text.as_bytes(), body])),
            ("x-id", "7".to_owned()),
            ("host", "hooks.example.com".to_owned()),
            ("x-forwarded-proto", "https".to_owned()),
        ]);
        verify(config, &headers, query, body).map(|_| ())
    };
    let called = "https://hooks.example.com/Prod/ingest/webform";
    let own = declaration(None);
    assert_eq!(check(&own, called, ""), Ok(()));
    assert_eq!(check(&own, &format!("{called}?a=%20b"), "a=%20b"), Ok(()));
    assert_eq!(check(&own, called, "a=b"), Err(Unverified::Mismatch));
    let behind = declaration(Some("https://proxy.example.com/hook"));
    assert_eq!(check(&behind, "https://proxy.example.com/hook", ""), Ok(()));
    assert_eq!(check(&behind, called, ""), Err(Unverified::Mismatch));
    let headers = owned(vec![("x-s", String::new())]);
    let missing = verify(&own, &headers, "", body).map(|_| ());
    assert_eq!(missing, Err(Unverified::HeaderMissing("x-id")));
}
