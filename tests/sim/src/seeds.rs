//! Many seeds, on every core.

use crate::rule::Breach;
use crate::world::run_seed;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds that a thread takes at once.
const CHUNK: u64 = 64;
/// So many breaches are told.
const BREACHES_MAX: usize = 5;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Worlds that were run.
    pub worlds: u64,
    /// Steps in all of them.
    pub steps: u64,
    /// Faults in all of them.
    pub faults: u64,
    /// The seeds that broke a promise, and which: the first ones.
    pub breaches: Vec<(u64, Breach)>,
}

impl Findings {
    fn add(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.steps += other.steps;
        self.faults += other.faults;
        let room = BREACHES_MAX.saturating_sub(self.breaches.len());
        self.breaches.extend(other.breaches.into_iter().take(room));
    }
}

/// Runs the world of every seed, on `jobs` threads, and tells `progress` how many were run. It stops early where promises are broken.
pub fn run_seeds(seeds: Range<u64>, jobs: usize, progress: impl Fn(u64) + Sync) -> Findings {
    let next = AtomicU64::new(seeds.start);
    let done = AtomicU64::new(0);
    let work = || {
        let mut findings = Findings::default();
        loop {
            let from = next.fetch_add(CHUNK, Ordering::Relaxed);
            let chunk = from..from.saturating_add(CHUNK).min(seeds.end);
            if chunk.is_empty() || findings.breaches.len() >= BREACHES_MAX {
                return findings;
            }
            let count = chunk.end - chunk.start;
            for seed in chunk {
                findings.add(run_one(seed));
            }
            progress(done.fetch_add(count, Ordering::Relaxed) + count);
        }
    };
    let mut findings = Findings::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            findings.add(thread.join().expect("a world does not panic"));
        }
    });
    findings.breaches.sort();
    findings
}

fn run_one(seed: u64) -> Findings {
    let report = run_seed(seed, false);
    Findings {
        worlds: 1,
        steps: report.steps,
        faults: u64::try_from(report.faults).unwrap_or(u64::MAX),
        breaches: report
            .breach
            .map(|breach| (seed, breach))
            .into_iter()
            .collect(),
    }
}

/// The cores of this machine.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
