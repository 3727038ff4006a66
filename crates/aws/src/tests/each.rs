//! Every call of every adapter, and every way in which an answer can fail to come: what the port says of it, and after how many requests.

use super::clients_at;
use super::fault::{Call, DATE, Row, check, error, success, work};
use super::server::Step;
use std::time::Duration;

const CALLS: [Call; 13] = [
    Call::Get,
    Call::Create,
    Call::Replace,
    Call::Put,
    Call::List,
    Call::Remains,
    Call::Hidden,
    Call::Erase,
    Call::Send,
    Call::Visibility,
    Call::Secret,
    Call::Mail,
    Call::Webhook,
];

/// An object that a deletion hides.
const HIDDEN: &str = "<ListVersionsResult><IsTruncated>false</IsTruncated>\
    <Version><Key>x.json</Key><VersionId>v1</VersionId><IsLatest>false</IsLatest><LastModified>2026-11-23T06:50:01Z</LastModified></Version>\
    </ListVersionsResult>";

/// What is answered before the request that meets the fault: some calls are several requests.
fn before(call: Call) -> Vec<Step> {
    match call {
        Call::Hidden => vec![Step::xml(404, "NoSuchKey"), Step::ok(&[], HIDDEN)],
        Call::Erase => vec![Step::ok(&[], HIDDEN)],
        Call::Get
        | Call::Create
        | Call::Replace
        | Call::Put
        | Call::List
        | Call::Remains
        | Call::Send
        | Call::Visibility
        | Call::Secret
        | Call::Mail
        | Call::Webhook => Vec::new(),
    }
}

/// How often a request is tried: a mail and a webhook once, whatever happens.
fn tries(call: Call) -> usize {
    if matches!(call, Call::Mail | Call::Webhook) {
        1
    } else {
        3
    }
}

/// What a call says that nobody answers: it may have taken effect.
fn unknown(call: Call) -> &'static str {
    if call == Call::Mail {
        "ambiguous"
    } else {
        "transient"
    }
}

fn row(call: Call, steps: Vec<Step>, expected: &'static str, requests: usize) -> Row {
    let mut script = before(call);
    let requests = script.len() + requests;
    script.extend(steps);
    (call, script, expected, requests)
}

/// A body of which the head announces more than ever comes.
fn half_a_body() -> (Vec<String>, String) {
    let announced = [DATE, "etag: \"e1\"", "content-length: 9"];
    (announced.map(str::to_owned).to_vec(), "{".to_owned())
}

#[tokio::test]
async fn an_address_that_refuses_the_connection_took_nothing() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    for call in CALLS {
        let clients = clients_at(&url, Duration::from_secs(3)).await;
        let expected = if call == Call::Mail {
            "busy"
        } else {
            "transient"
        };
        assert_eq!(work(call, &clients, &url).await, expected, "{call:?}");
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_before_an_answer_is_tried_again_but_never_with_a_mail() {
    let mut rows = Vec::new();
    for call in CALLS {
        // What is no HTTP at all, the SDK does not take for something that passes.
        let nonsense = Step::Half("this is no HTTP at all\r\n\r\n");
        rows.push(row(call, vec![nonsense], unknown(call), 1));
        for cut in [
            Step::Reset,
            Step::Half("HTTP/1.1 20"),
            Step::Half("HTTP/1.1 200 Scripted\r\ncontent-le"),
            Step::Half("HTTP/1.1 503 Slow Down\r\n"),
        ] {
            rows.push(row(call, vec![cut.clone()], unknown(call), tries(call)));
            if tries(call) > 1 {
                rows.push(row(call, vec![cut.clone(), cut, success(call)], "ok", 3));
            }
        }
    }
    check(rows).await;
}

#[tokio::test]
async fn half_a_body_is_no_answer() {
    let mut rows = Vec::new();
    for call in CALLS {
        let (headers, body) = half_a_body();
        // An object's body is read after its call has ended: it is not asked for again.
        let is_streamed = matches!(call, Call::Get | Call::Hidden);
        let requests = if is_streamed { 1 } else { tries(call) };
        let breaks = Step::Broken(headers, body);
        rows.push(row(call, vec![breaks.clone()], unknown(call), requests));
        if requests > 1 {
            rows.push(row(call, vec![breaks, success(call)], "ok", 2));
        }
    }
    check(rows).await;
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up_and_is_no_answer() {
    let mut rows = Vec::new();
    for call in CALLS {
        let (headers, body) = half_a_body();
        let is_streamed = matches!(call, Call::Get | Call::Hidden);
        let requests = if is_streamed { 1 } else { tries(call) };
        let stalls = Step::Stalled(headers, body);
        rows.push(row(call, vec![stalls], unknown(call), requests));
    }
    check(rows).await;
}

#[tokio::test]
async fn silence_is_given_up_and_may_have_taken_effect() {
    let silent = |call| row(call, vec![Step::Silence], unknown(call), tries(call));
    check(CALLS.map(silent).into()).await;
}

#[tokio::test]
async fn an_answer_that_is_late_is_an_answer_and_is_asked_for_once() {
    let late = |step| Step::Late(Duration::from_millis(700), Box::new(step));
    let mut rows = Vec::new();
    for call in CALLS {
        rows.push(row(call, vec![late(success(call))], "ok", 1));
    }
    let refused = [
        (
            Call::Mail,
            late(Step::json(400, "MessageRejected")),
            "refused",
        ),
        (
            Call::Mail,
            late(Step::json(429, "TooManyRequestsException")),
            "busy",
        ),
        (
            Call::Create,
            late(Step::xml(412, "PreconditionFailed")),
            "exists",
        ),
        (
            Call::Replace,
            late(Step::xml(412, "PreconditionFailed")),
            "changed",
        ),
        (Call::Get, late(Step::xml(404, "NoSuchKey")), "missing"),
    ];
    rows.extend(refused.map(|(call, step, word)| (call, vec![step], word, 1)));
    check(rows).await;
}

#[tokio::test]
async fn a_refusal_is_asked_for_once_and_a_5xx_as_often_as_any_other_doubt() {
    let mut rows = Vec::new();
    for call in CALLS {
        if call == Call::Webhook {
            // Whatever the status, it is an answer.
            for status in [401, 500, 503] {
                rows.push((call, vec![Step::json(status, "x")], "ok", 1));
            }
            continue;
        }
        let (denied, word) = match call {
            Call::Mail => ("AccessDeniedException", "refused"),
            Call::Get => ("AccessDenied", "denied"),
            Call::Create
            | Call::Replace
            | Call::Put
            | Call::List
            | Call::Remains
            | Call::Hidden
            | Call::Erase
            | Call::Send
            | Call::Visibility
            | Call::Secret
            | Call::Webhook => ("AccessDenied", "permanent"),
        };
        rows.push(row(call, vec![error(call, 403, denied)], word, 1));
        for status in [500, 502, 503, 504] {
            let down = error(call, status, "InternalError");
            rows.push(row(call, vec![down], unknown(call), tries(call)));
        }
    }
    check(rows).await;
}

#[tokio::test]
async fn of_a_call_that_is_several_requests_each_may_fail() {
    let missing = || Step::xml(404, "NoSuchKey");
    let versions = || Step::ok(&[], HIDDEN);
    let gone = || Step::xml(404, "NoSuchVersion");
    check(vec![
        (Call::Hidden, vec![Step::Reset], "transient", 3),
        (Call::Hidden, vec![missing(), Step::Reset], "transient", 4),
        (
            Call::Hidden,
            vec![missing(), success(Call::Remains)],
            "missing",
            2,
        ),
        (
            Call::Hidden,
            vec![missing(), versions(), gone()],
            "missing",
            3,
        ),
        (
            Call::Hidden,
            vec![error(Call::Get, 403, "AccessDenied")],
            "denied",
            1,
        ),
        (Call::Erase, vec![Step::Reset], "transient", 3),
        (Call::Erase, vec![success(Call::Remains)], "ok", 1),
        (
            Call::Erase,
            vec![error(Call::Erase, 403, "AccessDenied")],
            "permanent",
            1,
        ),
    ])
    .await;
}
