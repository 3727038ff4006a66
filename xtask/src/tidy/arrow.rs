//! Arrows between rooms point inward only (docs/ARCHITECTURE.md, Code map). Which room may bring in a crate from outside is in `deny.toml`.

use super::workspace::{Dependency, Member};
use std::collections::BTreeSet;

/// The rooms, and the rooms that each may know.
const ROOMS: &str = "
    leadwire-domain:
    leadwire-cloudwatch:
    leadwire-pipeline: leadwire-domain
    leadwire-aws: leadwire-domain leadwire-pipeline
    leadwire-local: leadwire-domain leadwire-pipeline
    leadwire-telemetry: leadwire-domain leadwire-pipeline
    leadwire-lambda: leadwire-domain leadwire-pipeline leadwire-aws leadwire-telemetry
    leadwire: leadwire-domain leadwire-pipeline leadwire-cloudwatch leadwire-local leadwire-telemetry leadwire-aws
";

/// All that the inner rooms may bring in from outside: nothing that does I/O.
const PURE: &str = "
    leadwire-domain: base64 hex hmac jiff minijinja percent-encoding quick-xml serde serde_json sha1 sha2 strsim strum subtle thiserror
    leadwire-pipeline: futures-util getrandom jiff serde serde_json strum thiserror tokio tracing
";

/// The packages around the rooms. They may know every room; no room is built on them.
const AROUND: &str =
    "leadwire-tests leadwire-laws leadwire-load leadwire-model leadwire-sim leadwire-benches xtask";

fn is_around(name: &str) -> bool {
    AROUND.split(' ').any(|around| around == name)
}

/// What a table says of a room.
fn find(table: &'static str, room: &str) -> Option<Vec<&'static str>> {
    let mut rows = table.lines().filter_map(|row| row.trim().split_once(':'));
    let (_, names) = rows.find(|(name, _)| *name == room)?;
    Some(names.split_whitespace().collect())
}

/// What breaks the direction of the arrows.
pub(crate) fn breaches(members: &[Member]) -> Vec<String> {
    let mut found = Vec::new();
    for member in members {
        let name = member.name.as_str();
        if let Some(known) = find(ROOMS, name) {
            let dependencies = member.dependencies.iter();
            found.extend(dependencies.filter_map(|to| breach(name, &known, to)));
        } else if !is_around(name) {
            found.push(format!("{name} has no place in xtask's table of rooms"));
        }
    }
    found
}

fn breach(from: &str, known: &[&str], to: &Dependency) -> Option<String> {
    let name = to.name.as_str();
    let is_dev = to.kind.as_deref() == Some("dev");
    if is_dev && (is_around(name) || name == from) {
        return None;
    }
    if is_around(name) {
        return Some(format!("{from} must not be built on {name}"));
    }
    if find(ROOMS, name).is_some() {
        return (!known.contains(&name)).then(|| format!("{from} must not know {name}"));
    }
    let is_foreign = !is_dev && !find(PURE, from)?.contains(&name);
    is_foreign.then(|| format!("{from} must not bring in {name}"))
}

/// What the command brings in by default although it belongs to the AWS home. AWS-LC is a TLS library, not an SDK.
pub(crate) fn breaches_of_default_command(tree: &[String]) -> Vec<String> {
    let foreign = |name: &&String| {
        let aws = name.starts_with("aws-") && !name.starts_with("aws-lc-");
        aws || name.as_str() == "leadwire-aws" || name.starts_with("lambda_")
    };
    let foreign: BTreeSet<&String> = tree.iter().filter(foreign).collect();
    let found = foreign
        .iter()
        .map(|name| format!("leadwire brings in {name} by default"));
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, to: &str, kind: Option<&str>, expected: bool) {
        let member = Member {
            name: from.to_owned(),
            dependencies: vec![Dependency {
                name: to.to_owned(),
                kind: kind.map(str::to_owned),
            }],
            ..Member::default()
        };
        assert_eq!(breaches(&[member]).is_empty(), expected, "{from} → {to}");
    }

    #[test]
    fn an_arrow_that_points_inward_passes() {
        check("leadwire-pipeline", "leadwire-domain", None, true);
        check("leadwire-aws", "aws-sdk-s3", None, true);
        check("leadwire", "leadwire-aws", None, true);
        check("leadwire-pipeline", "leadwire-pipeline", Some("dev"), true);
        check("leadwire-lambda", "leadwire-tests", Some("dev"), true);
        check("leadwire-domain", "proptest", Some("dev"), true);
    }

    #[test]
    fn an_arrow_that_points_outward_is_refused() {
        check("leadwire-domain", "leadwire-pipeline", None, false);
        check("leadwire-domain", "leadwire-pipeline", Some("dev"), false);
        check("leadwire-aws", "leadwire-local", None, false);
        check("leadwire-lambda", "leadwire-local", None, false);
        check("leadwire-aws", "leadwire-tests", None, false);
    }

    #[test]
    fn an_inner_room_that_brings_in_more_than_it_may_is_refused() {
        check("leadwire-domain", "tokio", None, false);
        check("leadwire-domain", "tracing", Some("build"), false);
        check("leadwire-pipeline", "aws-sdk-s3", None, false);
    }

    #[test]
    fn a_package_without_a_place_is_refused() {
        check("leadwire-extra", "serde", None, false);
    }

    #[test]
    fn an_sdk_in_the_default_command_is_refused_and_a_tls_library_is_not() {
        let tree = ["serde", "aws-lc-rs", "aws-sdk-s3", "aws-sdk-s3"].map(str::to_owned);
        assert_eq!(
            breaches_of_default_command(&tree),
            ["leadwire brings in aws-sdk-s3 by default"]
        );
    }
}
