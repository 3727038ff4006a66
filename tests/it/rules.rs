//! How the mapping reads answers, by the rules that AWS documents for batch item failures.

use std::collections::BTreeSet;

use leadwire_tests::mapping::{Verdict, judge};

#[track_caller]
fn check(payload: &str, expected: &Verdict) {
    let batch = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
    assert_eq!(&judge(payload.as_bytes(), &batch), expected, "{payload}");
}

fn some(id: &str) -> Verdict {
    Verdict::Some(BTreeSet::from([id.to_owned()]))
}

#[test]
fn an_empty_or_null_answer_is_success() {
    check("", &Verdict::Done);
    check("null", &Verdict::Done);
    check("{}", &Verdict::Done);
    check(r#"{"batchItemFailures":null}"#, &Verdict::Done);
    check(r#"{"batchItemFailures":[]}"#, &Verdict::Done);
}

#[test]
fn what_is_named_stays() {
    check(
        r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#,
        &some("b"),
    );
}

#[test]
fn an_answer_that_lambda_cannot_use_fails_the_whole_batch() {
    check("{", &Verdict::All("the answer is not JSON"));
    check("[]", &Verdict::All("the answer is not an object"));
    check(
        r#"{"batchItemFailures":"a"}"#,
        &Verdict::All("batchItemFailures is not a list"),
    );
    check(
        r#"{"batchItemFailures":[{"itemIdentifier":"c"}]}"#,
        &Verdict::All("an itemIdentifier is unknown"),
    );
    check(
        r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
        &Verdict::All("an itemIdentifier is empty"),
    );
    check(
        r#"{"batchItemFailures":[{"id":"a"}]}"#,
        &Verdict::All("an itemIdentifier is absent or null"),
    );
}
