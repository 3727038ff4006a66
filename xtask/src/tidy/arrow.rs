//! Arrows between rooms point inward only (docs/ARCHITECTURE.md, Code map).

use super::workspace::{Dependency, Kind, Member};

/// A room, the rooms that it may know, and the crates that it must never bring in itself.
struct Room {
    name: &'static str,
    knows: &'static [&'static str],
    never: &'static [&'static str],
}

const SDK: &[&str] = &[
    "aws-config",
    "aws-sdk-",
    "aws-smithy-",
    "aws-types",
    "aws-credential-types",
];
const IO: &[&str] = &[
    "async-",
    "axum",
    "clap",
    "crossbeam",
    "futures",
    "getrandom",
    "http",
    "hyper",
    "lambda_",
    "lettre",
    "log",
    "metrics",
    "mio",
    "opentelemetry",
    "rand",
    "rayon",
    "reqwest",
    "rusqlite",
    "rustls",
    "tokio",
    "tower",
    "tracing",
    "uuid",
];
const WIRE: &[&str] = &[
    "axum",
    "aws_lambda_events",
    "http",
    "hyper",
    "lambda_",
    "lettre",
    "opentelemetry",
    "reqwest",
    "rusqlite",
];

const ROOMS: [Room; 8] = [
    Room {
        name: "leadwire-domain",
        knows: &[],
        never: IO,
    },
    Room {
        name: "leadwire-pipeline",
        knows: &["leadwire-domain"],
        never: WIRE,
    },
    Room {
        name: "leadwire-aws",
        knows: &["leadwire-domain", "leadwire-pipeline"],
        never: &["lambda_", "rusqlite"],
    },
    Room {
        name: "leadwire-local",
        knows: &["leadwire-domain", "leadwire-pipeline"],
        never: &["lambda_"],
    },
    Room {
        name: "leadwire-cloudwatch",
        knows: &[],
        never: IO,
    },
    Room {
        name: "leadwire-telemetry",
        knows: &["leadwire-domain", "leadwire-pipeline"],
        never: &["aws-sdk-", "rusqlite"],
    },
    Room {
        name: "leadwire-lambda",
        knows: &[
            "leadwire-domain",
            "leadwire-pipeline",
            "leadwire-aws",
            "leadwire-telemetry",
        ],
        never: &["aws-sdk-", "rusqlite"],
    },
    Room {
        name: "leadwire",
        knows: &[
            "leadwire-domain",
            "leadwire-pipeline",
            "leadwire-cloudwatch",
            "leadwire-local",
            "leadwire-telemetry",
            "leadwire-aws",
        ],
        never: &["lambda_"],
    },
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
        match ROOMS.iter().find(|room| room.name == member.name) {
            Some(room) => {
                found.extend(member.dependencies.iter().filter_map(|to| breach(room, to)));
            }
            None if AROUND.contains(&member.name.as_str()) => {}
            None => found.push(format!(
                "{}: a package that has no place in xtask's table of rooms",
                member.name
            )),
        }
    }
    found
}

fn breach(room: &Room, to: &Dependency) -> Option<String> {
    let from = room.name;
    let name = to.name.as_str();
    let around = AROUND.contains(&name);
    if to.kind == Kind::Dev && (around || name == from) {
        return None;
    }
    if around {
        return Some(format!("{from} must not be built on {name}"));
    }
    if ROOMS.iter().any(|other| other.name == name) && !room.knows.contains(&name) {
        return Some(format!("{from} must not know {name}"));
    }
    if name.starts_with("opentelemetry") && from != "leadwire-telemetry" {
        return Some(format!(
            "{from} names {name}, which only leadwire-telemetry may"
        ));
    }
    if to.kind == Kind::Dev {
        return None;
    }
    if name == "leadwire-aws" && from == "leadwire" && !to.optional {
        return Some("leadwire knows leadwire-aws otherwise than by its feature `aws`".to_owned());
    }
    let sdk = SDK.iter().any(|prefix| name.starts_with(prefix));
    let may_have_sdk = ["leadwire-aws", "leadwire-lambda", "leadwire-telemetry"].contains(&from)
        || (from == "leadwire" && to.optional);
    if (sdk && !may_have_sdk) || room.never.iter().any(|prefix| name.starts_with(prefix)) {
        return Some(format!("{from} must not bring in {name}"));
    }
    None
}

/// What the command brings in by default although it belongs to the AWS home. AWS-LC is a TLS library and no SDK.
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
    fn check(from: &str, to: &str, kind: Kind, optional: bool, expected: bool) {
        let dependencies = vec![Dependency {
            name: to.to_owned(),
            kind,
            optional,
        }];
        let member = Member {
            name: from.to_owned(),
            dependencies,
            ..Member::default()
        };
        assert_eq!(breaches(&[member]).is_empty(), expected, "{from} → {to}");
    }

    #[test]
    fn an_arrow_that_points_inward_passes() {
        check(
            "leadwire-pipeline",
            "leadwire-domain",
            Kind::Normal,
            false,
            true,
        );
        check("leadwire-aws", "aws-sdk-s3", Kind::Normal, false, true);
        check(
            "leadwire-telemetry",
            "opentelemetry_sdk",
            Kind::Normal,
            false,
            true,
        );
        check("leadwire", "leadwire-aws", Kind::Normal, true, true);
        check(
            "leadwire-pipeline",
            "leadwire-pipeline",
            Kind::Dev,
            false,
            true,
        );
        check("leadwire-lambda", "leadwire-tests", Kind::Dev, false, true);
    }

    #[test]
    fn an_arrow_that_points_outward_is_told() {
        check(
            "leadwire-domain",
            "leadwire-pipeline",
            Kind::Normal,
            false,
            false,
        );
        check(
            "leadwire-domain",
            "leadwire-pipeline",
            Kind::Dev,
            false,
            false,
        );
        check("leadwire-aws", "leadwire-local", Kind::Normal, false, false);
        check(
            "leadwire-lambda",
            "leadwire-local",
            Kind::Normal,
            false,
            false,
        );
        check("leadwire-aws", "leadwire-tests", Kind::Normal, false, false);
        check("leadwire", "leadwire-aws", Kind::Normal, false, false);
    }

    #[test]
    fn a_room_that_brings_in_what_it_must_never_have_is_told() {
        check("leadwire-domain", "tokio", Kind::Normal, false, false);
        check("leadwire-domain", "tracing", Kind::Build, false, false);
        check(
            "leadwire-pipeline",
            "aws-sdk-s3",
            Kind::Normal,
            false,
            false,
        );
        check(
            "leadwire-pipeline",
            "opentelemetry",
            Kind::Dev,
            false,
            false,
        );
        check("leadwire-local", "aws-config", Kind::Normal, false, false);
        check("leadwire", "aws-sdk-sqs", Kind::Normal, false, false);
    }

    #[test]
    fn a_package_without_a_place_is_told() {
        check("leadwire-extra", "serde", Kind::Normal, false, false);
    }

    #[test]
    fn an_sdk_in_the_default_command_is_told_and_a_tls_library_is_not() {
        let tree = ["serde", "aws-lc-rs", "aws-sdk-s3", "aws-sdk-s3"].map(str::to_owned);
        assert_eq!(
            breaches_of_default_command(&tree),
            ["leadwire brings in aws-sdk-s3 by default"]
        );
    }
}
