//! Arrows between rooms point inward only (docs/ARCHITECTURE.md, Code map). Which room may bring in a crate from outside is in `deny.toml`.

use super::workspace::{Dependency, Kind, Member};

/// The rooms, and the rooms that each may know.
const ROOMS: [(&str, &[&str]); 8] = [
    ("leadwire-domain", &[]),
    ("leadwire-cloudwatch", &[]),
    ("leadwire-pipeline", &["leadwire-domain"]),
    ("leadwire-aws", &["leadwire-domain", "leadwire-pipeline"]),
    ("leadwire-local", &["leadwire-domain", "leadwire-pipeline"]),
    (
        "leadwire-telemetry",
        &["leadwire-domain", "leadwire-pipeline"],
    ),
    (
        "leadwire-lambda",
        &[
            "leadwire-domain",
            "leadwire-pipeline",
            "leadwire-aws",
            "leadwire-telemetry",
        ],
    ),
    (
        "leadwire",
        &[
            "leadwire-domain",
            "leadwire-pipeline",
            "leadwire-cloudwatch",
            "leadwire-local",
            "leadwire-telemetry",
            "leadwire-aws",
        ],
    ),
];

/// All that the inner rooms may bring in from outside: nothing that does I/O.
const PURE: [(&str, &[&str]); 2] = [
    (
        "leadwire-domain",
        &[
            "base64",
            "hex",
            "hmac",
            "jiff",
            "serde",
            "serde_json",
            "sha2",
            "strsim",
            "strum",
            "thiserror",
        ],
    ),
    (
        "leadwire-pipeline",
        &[
            "futures-util",
            "getrandom",
            "jiff",
            "serde",
            "serde_json",
            "strum",
            "thiserror",
            "tokio",
            "tracing",
        ],
    ),
];

/// The packages around the rooms. They may know every room; no room is built on them.
const AROUND: [&str; 7] = [
    "leadwire-tests",
    "leadwire-laws",
    "leadwire-load",
    "leadwire-model",
    "leadwire-sim",
    "leadwire-benches",
    "xtask",
];

/// What breaks the direction of the arrows.
pub(crate) fn breaches(members: &[Member]) -> Vec<String> {
    let mut found = Vec::new();
    for member in members {
        let name = member.name.as_str();
        match ROOMS.iter().find(|(room, _)| *room == name) {
            Some((_, knows)) => {
                let dependencies = member.dependencies.iter();
                found.extend(dependencies.filter_map(|to| breach(name, knows, to)));
            }
            None if AROUND.contains(&name) => {}
            None => found.push(format!("{name} has no place in xtask's table of rooms")),
        }
    }
    found
}

fn breach(from: &str, knows: &[&str], to: &Dependency) -> Option<String> {
    let name = to.name.as_str();
    let around = AROUND.contains(&name);
    if to.kind == Kind::Dev && (around || name == from) {
        return None;
    }
    if around {
        return Some(format!("{from} must not be built on {name}"));
    }
    if ROOMS.iter().any(|(room, _)| *room == name) {
        return (!knows.contains(&name)).then(|| format!("{from} must not know {name}"));
    }
    let (_, pure) = PURE.iter().find(|(room, _)| *room == from)?;
    let foreign = to.kind != Kind::Dev && !pure.contains(&name);
    foreign.then(|| format!("{from} must not bring in {name}"))
}

/// What the command brings in by default although it belongs to the AWS home. AWS-LC is a TLS library, not an SDK.
pub(crate) fn breaches_of_default_command(tree: &[String]) -> Vec<String> {
    let foreign = |name: &&String| {
        let aws = name.starts_with("aws-") && !name.starts_with("aws-lc-");
        aws || name.as_str() == "leadwire-aws" || name.starts_with("lambda_")
    };
    let mut found: Vec<String> = tree
        .iter()
        .filter(foreign)
        .map(|name| format!("leadwire brings in {name} by default"))
        .collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, to: &str, kind: Kind, expected: bool) {
        let member = Member {
            name: from.to_owned(),
            dependencies: vec![Dependency {
                name: to.to_owned(),
                kind,
            }],
            ..Member::default()
        };
        assert_eq!(breaches(&[member]).is_empty(), expected, "{from} → {to}");
    }

    #[test]
    fn an_arrow_that_points_inward_passes() {
        check("leadwire-pipeline", "leadwire-domain", Kind::Normal, true);
        check("leadwire-aws", "aws-sdk-s3", Kind::Normal, true);
        check("leadwire", "leadwire-aws", Kind::Normal, true);
        check("leadwire-pipeline", "leadwire-pipeline", Kind::Dev, true);
        check("leadwire-lambda", "leadwire-tests", Kind::Dev, true);
        check("leadwire-domain", "proptest", Kind::Dev, true);
    }

    #[test]
    fn an_arrow_that_points_outward_is_refused() {
        check("leadwire-domain", "leadwire-pipeline", Kind::Normal, false);
        check("leadwire-domain", "leadwire-pipeline", Kind::Dev, false);
        check("leadwire-aws", "leadwire-local", Kind::Normal, false);
        check("leadwire-lambda", "leadwire-local", Kind::Normal, false);
        check("leadwire-aws", "leadwire-tests", Kind::Normal, false);
    }

    #[test]
    fn an_inner_room_that_brings_in_more_than_it_may_is_refused() {
        check("leadwire-domain", "tokio", Kind::Normal, false);
        check("leadwire-domain", "tracing", Kind::Build, false);
        check("leadwire-pipeline", "aws-sdk-s3", Kind::Normal, false);
    }

    #[test]
    fn a_package_without_a_place_is_refused() {
        check("leadwire-extra", "serde", Kind::Normal, false);
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
