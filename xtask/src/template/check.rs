//! The template's own checks. Each brings the breakages that it must see, and the gate sees to it that it does.

mod alarm;
mod api;
mod bucket;
mod function;
mod queue;
mod role;

use super::project::Project;
use super::view::Template;
use serde_json::Value;

/// A template and what it must agree with.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) template: Template,
    pub(crate) project: Project,
}

impl Case {
    /// Sets the value at a JSON pointer. Does nothing where there is no such place.
    pub(crate) fn set(&mut self, pointer: &str, value: impl Into<Value>) {
        if let Some(place) = self.template.0.pointer_mut(pointer) {
            *place = value.into();
        }
    }

    /// Adds a member to the object at a JSON pointer.
    pub(crate) fn add(&mut self, pointer: &str, name: &str, value: impl Into<Value>) {
        if let Some(object) = self
            .template
            .0
            .pointer_mut(pointer)
            .and_then(Value::as_object_mut)
        {
            object.insert(name.to_owned(), value.into());
        }
    }

    /// Removes a member of the object at a JSON pointer.
    pub(crate) fn remove(&mut self, pointer: &str, name: &str) {
        if let Some(object) = self
            .template
            .0
            .pointer_mut(pointer)
            .and_then(Value::as_object_mut)
        {
            object.remove(name);
        }
    }
}

/// A check: what it promises, what is wrong, and how to break a template for it.
pub(crate) struct Check {
    pub(crate) promise: &'static str,
    pub(crate) breaches: fn(&Case) -> Vec<String>,
    pub(crate) breakages: &'static [fn(&mut Case)],
}

/// The checks of all but the dashboards.
pub(super) const CHECKS: [&Check; 21] = [
    &queue::PARTIAL_BATCHES,
    &queue::TIMING,
    &queue::REDRIVE,
    &queue::PRIVACY,
    &function::CONCURRENCY,
    &function::VARIABLES,
    &function::PANIC,
    &role::LEAST_PRIVILEGE,
    &role::ONE_EACH,
    &role::OWN_SENDER,
    &bucket::PRIVATE,
    &bucket::CREATE_ONLY,
    &bucket::LIFE,
    &alarm::HEARD,
    &alarm::EXPLAINED,
    &alarm::UNDERSTOOD,
    &alarm::MEASURED,
    &alarm::DUE,
    &alarm::KEPT,
    &api::WHOLE,
    &api::PROMISED_NAMES,
];

/// Those that need no more of a template than its alarms.
pub(super) const OF_ALARMS: [&Check; 2] = [&alarm::EXPLAINED, &alarm::MEASURED];

/// What these checks find wrong.
pub(super) fn breaches(checks: &[&Check], template: &Template, project: &Project) -> Vec<String> {
    let case = Case {
        template: template.clone(),
        project: project.clone(),
    };
    let found = |check: &&Check| {
        let breaches = (check.breaches)(&case).into_iter();
        let named = breaches.map(|breach| format!("{}: {breach}", check.promise));
        named.collect::<Vec<_>>()
    };
    checks.iter().flat_map(found).collect()
}

/// Which of these checks do not see the template broken in a way that they promise to see.
pub(super) fn blind(checks: &[&Check], template: &Template, project: &Project) -> Vec<String> {
    let mut blind = Vec::new();
    for check in checks {
        for (number, breakage) in (1..).zip(check.breakages) {
            let mut case = Case {
                template: template.clone(),
                project: project.clone(),
            };
            breakage(&mut case);
            if (check.breaches)(&case).is_empty() {
                blind.push(format!("{} (breakage {number})", check.promise));
            }
        }
    }
    blind
}
