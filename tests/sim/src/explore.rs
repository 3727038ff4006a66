//! Every schedule of one event and one worker with up to so many faults.

use crate::fault::Schedule;
use crate::findings::Findings;
use crate::setting::Setting;
use crate::world::run_script;
use std::sync::{Mutex, PoisonError};

/// Runs every schedule with at most `faults_max` faults, on every core. It stops early where a promise is broken.
pub fn explore(setting: &Setting, faults_max: usize) -> Findings<Schedule> {
    let (mut findings, first) = visit(setting, faults_max, Schedule::new());
    let left = Mutex::new(first);
    findings.add(Findings::gather(|| {
        let mut findings = Findings::default();
        loop {
            let first = left.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut own = Vec::from_iter(first);
            if own.is_empty() {
                return findings;
            }
            while let Some(script) = own.pop() {
                let (found, next) = visit(setting, faults_max, script);
                findings.add(found);
                own.extend(next);
                if findings.are_enough() {
                    return findings;
                }
            }
        }
    }));
    findings
}

/// Runs one schedule. Gives back those with one fault more, after its last.
fn visit(
    setting: &Setting,
    faults_max: usize,
    script: Schedule,
) -> (Findings<Schedule>, Vec<Schedule>) {
    let report = run_script(setting.clone(), script.clone(), false);
    let mut next = Vec::new();
    if script.len() < faults_max {
        let from = script.keys().next_back().map_or(0, |last| last + 1);
        let calls = report.kinds.iter().enumerate().skip(from);
        for (call, kind) in calls {
            for fault in kind.explored() {
                let mut longer = script.clone();
                longer.insert(call, fault);
                next.push(longer);
            }
        }
    }
    (Findings::of(script, report), next)
}
