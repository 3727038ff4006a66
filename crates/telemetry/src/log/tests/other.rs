//! Lines of code that emits no event of the catalogue.

use super::{Program, one};
use leadwire_pipeline::observe::metric::Service;
use serde_json::Value;
use std::{fmt, io};

/// The lines of `body` under this filter.
fn lines(rust_log: &'static str, body: impl FnOnce()) -> Vec<String> {
    Program::under(Service::Enrich, rust_log).lines(body)
}

/// The one line of `body`.
#[track_caller]
fn line(body: impl FnOnce()) -> Value {
    one(&lines("", body))
}

#[test]
fn a_line_is_one_json_object_with_its_fields_at_the_top() {
    let line = line(|| {
        tracing::info!(
            lead_id = "test-1",
            receives = 3_u64,
            ratio = f64::NAN,
            done = true,
            "lead\nenriched \"so\""
        );
    });
    for (member, expected) in [
        ("level", "INFO".into()),
        ("service", "enrich".into()),
        ("environment", "test".into()),
        ("message", "lead\nenriched \"so\"".into()),
        ("lead_id", "test-1".into()),
        ("receives", 3.into()),
        ("done", true.into()),
        ("ratio", Value::Null),
        ("target", "leadwire_telemetry::log::tests::other".into()),
    ] {
        assert_eq!(line.get(member), Some(&expected), "{member}");
    }
    let time = line["timestamp"].as_str().unwrap();
    assert!(time.parse::<jiff::Timestamp>().is_ok());
}

#[test]
fn a_field_that_has_the_name_of_another_member_stands_beside_it() {
    let line = line(|| tracing::info!(service = "s3", target = 7_u64, "called"));
    assert_eq!(line["service"], "enrich");
    assert_eq!(line["field_service"], "s3");
    assert_eq!(line["field_target"], 7);
}

#[test]
fn a_long_text_is_cut_between_characters() {
    let line = line(|| {
        tracing::info!(error = "é".repeat(1_000_000), "é{}", "é".repeat(9000));
    });
    let error = line["error"].as_str().unwrap();
    assert!(error.ends_with("é…") && error.len() < 9000);
    assert!(line["message"].as_str().unwrap().len() < 9000);
}

#[test]
fn an_error_is_logged_with_its_whole_chain() {
    #[derive(Debug)]
    struct Outer(io::Error);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("could not put object")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let outer = Outer(io::Error::other("disk full"));
    let error: &dyn std::error::Error = &outer;
    let line = line(|| tracing::error!(error, "failed"));
    assert_eq!(line["error"], "could not put object: disk full");
}

#[test]
fn libraries_are_quiet_until_they_are_named() {
    let body = || {
        tracing::debug!(target: "aws_smithy_runtime", "request");
        tracing::debug!(target: "leadwire_pipeline", "ours");
    };
    for (filter, expected) in [("", 0), ("debug", 1), ("debug,aws_smithy_runtime=debug", 2)] {
        assert_eq!(lines(filter, body).len(), expected, "{filter}");
    }
}

#[test]
fn a_filter_that_cannot_be_read_falls_back_to_info() {
    assert!(crate::filter(Some("leadwire=louder")).1.is_some());
    assert!(crate::filter(Some("  ")).1.is_none() && crate::filter(None).1.is_none());
    one(&lines("leadwire=louder", || tracing::info!("logged")));
}

#[test]
fn a_panic_is_logged_by_its_place_and_never_by_its_message() {
    let line = line(|| crate::panic::report(Some("src/enrich.rs:7:9")));
    assert_eq!(line["message"], "the code panicked");
    assert_eq!(line["location"], "src/enrich.rs:7:9");
    assert_eq!(line["level"], "ERROR");
}
