//! What was found in many worlds.

use crate::rule::Breach;
use crate::state::Report;

/// So many breaches are shown.
const BREACHES_MAX: usize = 5;

/// What was found in worlds that are named by `W`: a seed, or a schedule.
#[derive(Clone, Debug, Default)]
pub struct Findings<W> {
    /// Worlds that were run.
    pub worlds: u64,
    /// Steps in all of them.
    pub steps: u64,
    /// Faults in all of them.
    pub faults: u64,
    /// The worlds that broke a promise, and which: the first ones.
    pub breaches: Vec<(W, Breach)>,
}

impl<W> Findings<W> {
    /// What one world showed.
    pub(crate) fn of(world: W, report: Report) -> Self {
        Self {
            worlds: 1,
            steps: report.steps,
            faults: report.faults,
            breaches: report
                .breach
                .map(|breach| (world, breach))
                .into_iter()
                .collect(),
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.steps += other.steps;
        self.faults += other.faults;
        let room = BREACHES_MAX.saturating_sub(self.breaches.len());
        self.breaches.extend(other.breaches.into_iter().take(room));
    }

    /// Whether there are so many breaches that no more need be looked for.
    pub(crate) fn are_enough(&self) -> bool {
        self.breaches.len() >= BREACHES_MAX
    }
}

impl<W: Default + Send> Findings<W> {
    /// Does the same work on every core, and adds up what each finds.
    pub(crate) fn gather(work: impl Fn() -> Self + Sync) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut findings = Self::default();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..cores).map(|_| scope.spawn(&work)).collect();
            for thread in threads {
                findings.add(thread.join().expect("a world does not panic"));
            }
        });
        findings
    }
}
