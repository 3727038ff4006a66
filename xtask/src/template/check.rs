//! The template's own checks. Each brings the breakages that it must see, and the gate sees to it that it does.

mod account;
mod alarm;
mod api;
mod bucket;
mod build;
mod edit;
mod function;
mod mail;
mod queue;
mod role;

pub(super) use edit::edit;

use super::project::Project;
use crate::view::{Template, pointer};

/// A template and what it must agree with.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) template: Template,
    pub(crate) project: Project,
}

impl Case {
    /// Changes the template as [`edit()`] does, at a path of [`Template::at`].
    pub(crate) fn edit(&mut self, text: &str) {
        edit(&mut self.template.0, &pointer(text));
    }
}

/// A check: what it promises, what is wrong, and how to break a template for it.
pub(crate) struct Check {
    pub(crate) promise: &'static str,
    pub(crate) breaches: fn(&Case, &mut Vec<String>),
    pub(crate) breakages: &'static [Breakage],
}

/// A way to break a template.
pub(crate) enum Breakage {
    /// See [`Case::edit`].
    Edit(&'static str),
    Change(fn(&mut Case)),
}

impl Breakage {
    pub(crate) fn apply(&self, case: &mut Case) {
        match self {
            Self::Edit(edit) => case.edit(edit),
            Self::Change(change) => change(case),
        }
    }
}

/// The checks of all but the dashboards.
pub(super) const CHECKS: [&Check; 36] = [
    &queue::PARTIAL_BATCHES,
    &queue::TIMING,
    &queue::REDRIVE,
    &queue::PRIVACY,
    &queue::OWNERS,
    &function::CONCURRENCY,
    &function::VARIABLES,
    &function::NAMED,
    &function::PANIC,
    &role::LEAST_PRIVILEGE,
    &role::ONE_EACH,
    &role::OWN_SENDER,
    &role::INDEXED,
    &mail::UNSUPPRESSED,
    &mail::BOUNCED,
    &bucket::PRIVATE,
    &bucket::CREATE_ONLY,
    &bucket::LIFE,
    &bucket::BURIED,
    &bucket::ADOPTED,
    &alarm::HEARD,
    &alarm::DELIVERED,
    &alarm::SILENCE,
    &alarm::EXPLAINED,
    &alarm::UNDERSTOOD,
    &alarm::MEASURED,
    &alarm::DUE,
    &alarm::KEPT,
    &api::WHOLE,
    &api::PROMISED_NAMES,
    &api::ADDRESSES,
    &account::ROOM,
    &account::OPEN,
    &account::PAID,
    &build::BUILT,
    &build::TOOLS,
];

/// Those that need no more of a template than its alarms.
pub(super) const OF_ALARMS: [&Check; 2] = [&alarm::EXPLAINED, &alarm::MEASURED];

impl Check {
    fn breaches_in(&self, case: &Case) -> Vec<String> {
        let mut found = Vec::new();
        (self.breaches)(case, &mut found);
        found
    }
}

/// What these checks find wrong.
pub(super) fn breaches(checks: &[&Check], case: &Case) -> Vec<String> {
    let mut found = Vec::new();
    for check in checks {
        let breaches = check.breaches_in(case).into_iter();
        found.extend(breaches.map(|breach| format!("{}: {breach}", check.promise)));
    }
    found
}

/// Which of these checks do not see the template broken in a way that they promise to see.
pub(super) fn blind(checks: &[&Check], case: &Case) -> Vec<String> {
    let mut blind = Vec::new();
    for check in checks {
        for (number, breakage) in (1..).zip(check.breakages) {
            let mut broken = case.clone();
            breakage.apply(&mut broken);
            if check.breaches_in(&broken).is_empty() {
                blind.push(format!("{} (breakage {number})", check.promise));
            }
        }
    }
    blind
}
