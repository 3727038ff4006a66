//! Many seeds, on every core.

use crate::findings::Findings;
use crate::world::run_seed;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds that a thread takes at once.
const CHUNK: u64 = 64;
/// Runs the world of every seed, on every core, and gives `progress` how many were run. It stops early where promises are broken.
pub fn run_seeds(seeds: Range<u64>, progress: impl Fn(u64) + Sync) -> Findings<u64> {
    let next = AtomicU64::new(seeds.start);
    let done = AtomicU64::new(0);
    let work = || {
        let mut findings = Findings::default();
        loop {
            let from = next.fetch_add(CHUNK, Ordering::Relaxed);
            let chunk = from..from.saturating_add(CHUNK).min(seeds.end);
            if chunk.is_empty() || findings.are_enough() {
                return findings;
            }
            let count = chunk.end - chunk.start;
            for seed in chunk {
                findings.add(Findings::of(seed, run_seed(seed, false)));
            }
            progress(done.fetch_add(count, Ordering::Relaxed) + count);
        }
    };
    let mut findings = Findings::gather(work);
    findings.breaches.sort();
    findings
}
