//! The checks against a small sound template, whole and broken.

use super::*;
use crate::template::project::{Entry, entries};
use serde_json::Value;

/// A template as small as one can be that keeps every promise, but with the project's own alarms.
fn sound() -> Case {
    let mut template: Value = serde_json::from_str(include_str!("sound.json")).unwrap();
    let alarms: Value = serde_json::from_str(include_str!("../../../alarms/alarms.json")).unwrap();
    for (section, members) in alarms.as_object().unwrap() {
        let members = members.as_object().unwrap().clone();
        template[section].as_object_mut().unwrap().extend(members);
    }
    let ids = alarms["Resources"].as_object().unwrap().keys();
    let template = Template(template);
    let is_there = |entry: &Entry| {
        let variables = template.environment(entry.function);
        variables.get(entry.variable).is_some()
    };
    let project = Project {
        settings: entries().into_iter().filter(is_there).collect(),
        alarm_headings: ids.cloned().collect(),
        dashboards: dashboard::sound(&alarms),
        alarms,
        panic: "unwind".to_owned(),
        samconfig: include_str!("../../../samconfig.toml").parse().unwrap(),
        toolchain: include_str!("../../../rust-toolchain.toml")
            .parse()
            .unwrap(),
        readme: include_str!("../../../README.md").to_owned(),
    };
    let mut case = Case { template, project };
    for (name, json) in case.project.dashboards.clone() {
        let text = Value::from(json.to_string());
        case.edit(&format!("{} = {text}", dashboard::body_of(&name)));
    }
    case
}

#[test]
fn a_sound_template_passes_every_check() {
    let case = sound();
    let found = check::breaches(&checks(), &case);
    assert_eq!(found, [""; 0]);
}

#[test]
fn every_check_fails_on_a_template_that_is_broken_for_it() {
    let case = sound();
    let blind = check::blind(&checks(), &case);
    assert_eq!(blind, [""; 0]);
}

#[test]
fn every_check_knows_how_it_could_be_broken() {
    assert!(checks().iter().all(|check| !check.breakages.is_empty()));
}
