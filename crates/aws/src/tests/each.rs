//! Every call of every adapter, and every way in which an answer can fail to come: what the port says of it, and after how many requests.

use super::fault::Call::{
    self, Create, Erase, EraseHidden, Get, Hidden, ListVersions, Mail, Replace, Secret, Send,
    Visibility, Webhook,
};
use super::fault::{CALLS, Row, check, work};
use super::server::{Server, Step};
use super::{clients_at, nobody_listens};
use std::time::Duration;

/// An object that a deletion hides.
const HIDDEN: &str = "<ListVersionsResult><IsTruncated>false</IsTruncated>\
    <Version><Key>x.json</Key><VersionId>v1</VersionId><IsLatest>false</IsLatest><Size>2</Size><LastModified>2026-11-23T06:50:01Z</LastModified></Version>\
    </ListVersionsResult>";

/// An answer whose head announces more than ever comes.
const HALF_A_BODY: &str = "HTTP/1.1 200 Scripted\r\nlast-modified: Mon, 23 Nov 2026 06:50:00 GMT\r\netag: \"e1\"\r\ncontent-length: 9\r\n\r\n{";

/// What is answered before the request that meets the fault: some calls are several requests.
fn before(call: Call) -> Vec<Step> {
    if call == Hidden {
        vec![Step::xml(404, "NoSuchKey"), Step::ok(&[], HIDDEN)]
    } else if matches!(call, Erase | EraseHidden) {
        vec![Step::ok(&[], HIDDEN)]
    } else {
        Vec::new()
    }
}

/// How often a request is tried: a mail and a webhook once, whatever happens.
fn tries(call: Call) -> usize {
    if matches!(call, Mail | Webhook) { 1 } else { 3 }
}

/// How often one is tried whose answer breaks off in its body: an object's is read after its call has ended, and not asked for again.
fn tries_of_a_body(call: Call) -> usize {
    if matches!(call, Get | Hidden) {
        1
    } else {
        tries(call)
    }
}

/// What a call says that nobody answers: it may have taken effect.
fn unknown(call: Call) -> &'static str {
    if call == Mail {
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

#[tokio::test]
async fn whatever_is_asked_of_a_bucket_is_asked_of_the_account_that_must_own_it() {
    for call in CALLS {
        let is_of_bucket = !matches!(call, Send | Visibility | Secret | Mail | Webhook);
        let script = before(call).into_iter().chain([call.success()]);
        let server = Server::start(script).await;
        let clients = clients_at(&server.url(), Duration::from_secs(3)).await;
        assert_eq!(work(call, &clients, &server.url()).await, "ok", "{call:?}");
        let owner = "x-amz-expected-bucket-owner: 123456789012";
        for request in server.requests() {
            assert_eq!(request.contains(owner), is_of_bucket, "{request}");
        }
    }
}

#[tokio::test]
async fn an_address_that_refuses_the_connection_took_nothing() {
    let (_bound, url) = nobody_listens();
    for call in CALLS {
        let clients = clients_at(&url, Duration::from_secs(3)).await;
        let expected = if call == Mail { "busy" } else { "transient" };
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
            Step::RESET,
            Step::Half("HTTP/1.1 20"),
            Step::Half("HTTP/1.1 200 Scripted\r\ncontent-le"),
            Step::Half("HTTP/1.1 503 Slow Down\r\n"),
        ] {
            rows.push(row(call, vec![cut.clone()], unknown(call), tries(call)));
            if tries(call) > 1 {
                rows.push(row(call, vec![cut.clone(), call.success()], "ok", 2));
                rows.push(row(call, vec![cut.clone(), cut, call.success()], "ok", 3));
            }
        }
    }
    check(rows).await;
}

#[tokio::test]
async fn half_a_body_is_no_answer_and_is_given_up_where_it_stalls() {
    let mut rows = Vec::new();
    for call in CALLS {
        let (breaks, requests) = (Step::Half(HALF_A_BODY), tries_of_a_body(call));
        rows.push(row(call, vec![breaks.clone()], unknown(call), requests));
        if requests > 1 {
            rows.push(row(call, vec![breaks, call.success()], "ok", 2));
        }
    }
    check(rows).await;
    // Apart from the others, whose work would be taken for silence too.
    let stalls = |call| {
        let stall = vec![Step::Stall(HALF_A_BODY)];
        row(call, stall, unknown(call), tries_of_a_body(call))
    };
    check(CALLS.map(stalls)).await;
}

#[tokio::test]
async fn silence_is_given_up_and_may_have_taken_effect() {
    let silent = |call| row(call, vec![Step::SILENCE], unknown(call), tries(call));
    check(CALLS.map(silent)).await;
}

#[tokio::test]
async fn an_answer_that_is_late_is_an_answer_and_is_asked_for_once() {
    let late = |step| vec![Step::Late(Duration::from_millis(700), Box::new(step))];
    let refused = [
        (Mail, 400, "MessageRejected", "refused"),
        (Mail, 429, "TooManyRequestsException", "throttled"),
        (Create, 412, "PreconditionFailed", "exists"),
        (Replace, 412, "PreconditionFailed", "changed"),
        (Get, 404, "NoSuchKey", "missing"),
    ];
    let refused =
        refused.map(|(call, status, code, word)| (call, late(call.error(status, code)), word, 1));
    let answered = CALLS.map(|call| row(call, late(call.success()), "ok", 1));
    check(answered.into_iter().chain(refused)).await;
}

#[tokio::test]
async fn a_refusal_is_asked_for_once_and_what_may_pass_as_often_as_any_other_doubt() {
    let mut rows = Vec::new();
    for call in CALLS {
        if call == Webhook {
            // Whatever the status, it is an answer.
            for status in [401, 500, 503] {
                rows.push((call, vec![Step::json(status, "x")], "ok", 1));
            }
            continue;
        }
        let (denied, word, throttled) = if call == Mail {
            ("AccessDeniedException", "refused", "throttled")
        } else if call == Get {
            ("AccessDenied", "denied", "transient")
        } else {
            ("AccessDenied", "permanent", "transient")
        };
        rows.push(row(call, vec![call.error(403, denied)], word, 1));
        let slow_down = if call.is_of_s3() {
            call.error(503, "SlowDown")
        } else {
            call.error(400, "ThrottlingException")
        };
        let down = [500, 502, 503, 504].map(|status| call.error(status, "InternalError"));
        let down = down.map(|step| (step, unknown(call)));
        for (step, word) in down.into_iter().chain([(slow_down, throttled)]) {
            rows.push(row(call, vec![step.clone()], word, tries(call)));
            if tries(call) > 1 {
                rows.push(row(call, vec![step, call.success()], "ok", 2));
            }
        }
    }
    check(rows).await;
}

#[tokio::test]
async fn of_a_call_that_is_several_requests_each_may_fail() {
    let missing = || Step::xml(404, "NoSuchKey");
    let versions = || Step::ok(&[], HIDDEN);
    let gone = || Step::xml(404, "NoSuchVersion");
    let denied = || Step::xml(403, "AccessDenied");
    check([
        (Hidden, vec![Step::RESET], "transient", 3),
        (Hidden, vec![missing(), Step::RESET], "transient", 4),
        (
            Hidden,
            vec![missing(), ListVersions.success()],
            "missing",
            2,
        ),
        (Hidden, vec![missing(), versions(), gone()], "missing", 3),
        (Hidden, vec![denied()], "denied", 1),
        (Erase, vec![Step::RESET], "transient", 3),
        (Erase, vec![ListVersions.success()], "ok", 1),
        (Erase, vec![denied()], "permanent", 1),
        (EraseHidden, vec![versions(), denied()], "permanent", 2),
    ])
    .await;
}
