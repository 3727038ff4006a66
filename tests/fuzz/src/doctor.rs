//! The signature doctor: it reads any bytes, says *verified* where the door takes the request and nowhere else, and shows no secret.

use crate::input::{now, parts, text};
use leadwire_domain::source::check::{SavedRequest, Verdict, check};
use leadwire_domain::source::{SourceConfig, Sources};

/// Nothing that is known to be a secret in the seeds is shorter: what is, may be a part of any word.
const SECRET_BYTES_MIN: usize = 8;

/// A file that has room for what ours says besides.
const FILE_BYTES_MAX: usize = 60_000;
const HEADERS_MAX: usize = 250;

/// A sources document, one from before, and a saved request.
pub fn doctor(data: &[u8]) {
    let [document, previous, file] = parts(data);
    let Ok(request) = SavedRequest::parse(file) else {
        return;
    };
    if file.len() < FILE_BYTES_MAX && request.headers.len() < HEADERS_MAX {
        written_and_read(&request);
    }
    let document = text(document);
    let Ok(sources) = Sources::parse(&document) else {
        return;
    };
    let previous = Some(text(previous).into_owned());
    let previous = previous.filter(|text| Sources::parse(text).is_ok());
    let previous: Vec<String> = previous.into_iter().collect();
    for config in sources.iter() {
        judge(config, (&document, &previous), &request);
    }
}

/// What is saved is what came, whatever its bytes are.
fn written_and_read(request: &SavedRequest) {
    let again = SavedRequest::parse(&request.render()).expect("our own file");
    let sent = |request: &SavedRequest| {
        let own = [
            "content-length",
            "transfer-encoding",
            "leadwire-received-at",
        ];
        let headers = request.headers.iter();
        let sent = headers.filter(|(name, _)| !own.contains(&name.as_str()));
        sent.cloned().collect::<Vec<_>>()
    };
    assert_eq!(sent(&again), sent(request));
    assert_eq!(again.body, request.body);
    assert_eq!(again.received_at, request.received_at);
    let target = |request: &SavedRequest| {
        [&request.method, &request.path, &request.query].map(String::clone)
    };
    assert_eq!(target(&again), target(request));
}

fn judge(config: &SourceConfig, documents: (&str, &[String]), request: &SavedRequest) {
    let name = config.source().name();
    let told = check(documents, name, request.clone(), now()).expect("both documents are sound");
    let delivery = request.delivery(request.received_at.unwrap_or(now()));
    let is_taken = delivery.check_shape().is_ok() && config.verify(&delivery).is_ok();
    match &told.verdict {
        // Of one whose time of receipt is not known, its own time does not count.
        Verdict::Verified(None) => assert!(is_taken, "the door refuses it"),
        Verdict::Verified(Some(_)) => assert!(request.received_at.is_none(), "it is stale"),
        Verdict::Refused { why, mistakes, .. } => {
            let is_elsewhere = why.is_none() && !mistakes.is_empty();
            assert!(!is_taken || is_elsewhere, "the door takes it");
        }
    }
    let shown = format!("{told:?}{}", words(&told.verdict));
    for secret in secrets(documents) {
        assert!(!shown.contains(&secret), "a secret is shown");
    }
}

fn words(verdict: &Verdict) -> String {
    let Verdict::Refused { mistakes, .. } = verdict else {
        return String::new();
    };
    let words = mistakes
        .iter()
        .map(|mistake| format!("{} {}", mistake.text(), mistake.advice()));
    words.collect()
}

/// The texts that stand in lists of secrets.
fn secrets((document, previous): (&str, &[String])) -> Vec<String> {
    let mut found = Vec::new();
    for document in previous.iter().map(String::as_str).chain([document]) {
        let document = document.trim_start_matches('\u{feff}');
        let document: serde_json::Value = serde_json::from_str(document).unwrap_or_default();
        collect(&document, &mut found);
    }
    found
}

fn collect(value: &serde_json::Value, found: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        if ["secrets", "tokens", "passwords"].contains(&name.as_str()) {
            let texts = value.as_array().into_iter().flatten();
            let texts = texts.filter_map(serde_json::Value::as_str);
            let long = texts.filter(|text| text.len() >= SECRET_BYTES_MIN);
            found.extend(long.map(str::to_owned));
        } else {
            collect(value, found);
        }
    }
}
