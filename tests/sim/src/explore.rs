//! Every schedule of one event and one worker with up to so many faults.

use crate::fault::Schedule;
use crate::rule::Breach;
use crate::setting::Setting;
use crate::world::run_script;
use std::sync::Mutex;
use std::sync::PoisonError;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Worlds that were run.
    pub worlds: u64,
    /// Steps in all of them.
    pub steps: u64,
    /// What broke a promise, and which: the first ones.
    pub breaches: Vec<(Schedule, Breach)>,
}

/// So many breaches are told.
const BREACHES_MAX: usize = 5;

impl Findings {
    /// Adds what another search found.
    pub fn add(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.steps += other.steps;
        let room = BREACHES_MAX.saturating_sub(self.breaches.len());
        self.breaches.extend(other.breaches.into_iter().take(room));
    }
}

/// Runs every schedule with at most `faults_max` faults, on `jobs` threads. It stops early where a promise is broken.
pub fn explore(setting: &Setting, faults_max: usize, jobs: usize) -> Findings {
    let search = Search {
        setting,
        faults_max,
    };
    let (mut findings, first) = search.visit(Schedule::new());
    let left = Mutex::new(first);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.max(1))
            .map(|_| scope.spawn(|| search.exhaust(&left)))
            .collect();
        for thread in threads {
            findings.add(thread.join().expect("a world does not panic"));
        }
    });
    findings
}

struct Search<'a> {
    setting: &'a Setting,
    faults_max: usize,
}

impl Search<'_> {
    /// Runs one schedule. Gives back those with one fault more, after its last.
    fn visit(&self, script: Schedule) -> (Findings, Vec<Schedule>) {
        let report = run_script(self.setting.clone(), script.clone(), false);
        let mut next = Vec::new();
        if script.len() < self.faults_max {
            let from = script.keys().next_back().map_or(0, |last| last + 1);
            let calls = report.kinds.iter().enumerate().skip(from);
            for (call, kind) in calls {
                for fault in kind.faults() {
                    let mut longer = script.clone();
                    longer.insert(call, *fault);
                    next.push(longer);
                }
            }
        }
        let findings = Findings {
            worlds: 1,
            steps: report.steps,
            breaches: report
                .breach
                .map(|breach| (script, breach))
                .into_iter()
                .collect(),
        };
        (findings, next)
    }

    fn exhaust(&self, left: &Mutex<Vec<Schedule>>) -> Findings {
        let mut findings = Findings::default();
        loop {
            let first = left.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(first) = first else {
                return findings;
            };
            let mut own = vec![first];
            while let Some(script) = own.pop() {
                let (found, next) = self.visit(script);
                findings.add(found);
                own.extend(next);
                if findings.breaches.len() >= BREACHES_MAX {
                    return findings;
                }
            }
        }
    }
}
