//! What a world caused in metrics: while a test looks on, and in all. What each scenario causes in all stands in one file, and a world that
//! ends is held to it, so that a metric that is counted twice, for another's work or not at all is noticed by every scenario that it happens in.

use super::lock;
use crate::observe::metric::{Amount, Further, Measured, Metrics};
use crate::observe::{Event, Role, Sink, install};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once};

/// The metrics that were recorded: by name, and by the value of the further dimension where there is one; how often, whatever the values were.
pub type Counted = BTreeMap<String, u64>;

/// Where scenarios lie: worlds that are built there are held to what the file says.
const SCENARIOS: &str = "tests/scenario/";
/// What every scenario counts, a line for those of its worlds that count the same.
const EXPECTED: &str = "tests/scenario/counts.txt";
/// With this variable set the file is written anew for the scenarios that run; then read what changed in it.
const WRITES: &str = "LEADWIRE_COUNTS";
/// A scenario whose worlds are left to chance: they are held to nothing here.
const BY_CHANCE: &str = "by chance";

thread_local! {
    /// The worlds of this thread, the newest last: it is the one that counts.
    static WORLDS: RefCell<Vec<Arc<Counts>>> = const { RefCell::new(Vec::new()) };
    /// The worlds that have ended on this thread.
    static ENDED: Cell<usize> = const { Cell::new(0) };
}

/// What one world caused.
#[derive(Debug, Default)]
pub(super) struct Counts {
    all: Mutex<Counted>,
    seen: Mutex<Counted>,
    looks: Mutex<usize>,
    /// The scenario, where it is one.
    scenario: Option<String>,
}

impl Counts {
    /// Begins to count for a world that is built in `file`.
    pub(super) fn begin(file: &str) -> Arc<Self> {
        static INSTALLED: Once = Once::new();
        // A process that has a meter already has no scenarios.
        INSTALLED.call_once(|| {
            install(Role::Meter, OfThread);
        });
        let name = std::thread::current().name().map(str::to_owned);
        let counts = Arc::new(Self {
            scenario: name.filter(|name| file.contains(SCENARIOS) && name != "main"),
            ..Self::default()
        });
        WORLDS.with_borrow_mut(|worlds| worlds.push(Arc::clone(&counts)));
        counts
    }

    /// The world ends: what it caused is what its scenario is known to cause.
    pub(super) fn end(self: &Arc<Self>) {
        WORLDS.with_borrow_mut(|worlds| worlds.retain(|world| !Arc::ptr_eq(world, self)));
        if std::thread::panicking() {
            return;
        }
        if let Some(scenario) = &self.scenario {
            let number = ENDED.replace(ENDED.get() + 1);
            check(scenario, number, &render(&lock(&self.all)));
        }
    }

    /// Whether a test looks on from now on.
    pub(super) fn look(&self, begins: bool) {
        let mut looks = lock(&self.looks);
        *looks = if begins { *looks + 1 } else { *looks - 1 };
    }

    /// What a test saw since it asked last.
    pub(super) fn take_seen(&self) -> Counted {
        std::mem::take(&mut *lock(&self.seen))
    }

    fn add(&self, name: &str, many: u64) {
        *lock(&self.all).entry(name.to_owned()).or_default() += many;
        if *lock(&self.looks) > 0 {
            *lock(&self.seen).entry(name.to_owned()).or_default() += many;
        }
    }
}

/// Counts for the newest world of the thread.
struct OfThread;

impl Sink for OfThread {
    fn take(&self, event: &dyn Event) {
        count(event);
    }
}

/// Counts an event for the newest world of the thread: what a test's own sink does, which takes the events away from the process's.
pub fn count(event: &dyn Event) {
    let Some(counts) = WORLDS.with_borrow(|worlds| worlds.last().cloned()) else {
        return;
    };
    let mut metrics = Metrics::default();
    event.measure(&mut metrics);
    for measured in metrics.iter() {
        counts.add(&name(&measured), many(&measured));
    }
}

fn name(measured: &Measured) -> String {
    let name = measured.metric.name();
    let further = measured.further.map(Further::value);
    further.map_or_else(|| name.to_owned(), |value| format!("{name} {value}"))
}

fn many(measured: &Measured) -> u64 {
    match measured.amount {
        Amount::Count(many) => many,
        Amount::Millis(_) => 1,
    }
}

/// What each scenario's worlds cause, by their number.
type Expected = BTreeMap<String, BTreeMap<usize, String>>;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(EXPECTED)
}

fn render(counted: &Counted) -> String {
    let counted = counted.iter().filter(|(_, count)| **count > 0);
    let counted: Vec<String> = counted.map(|(name, n)| format!("{name} {n}")).collect();
    if counted.is_empty() {
        "nothing".to_owned()
    } else {
        counted.join(", ")
    }
}

/// The scenario in a line, and below it which of its worlds cause what, counted in the order in which they end: `  0,2-4  LeadsAccepted generic 1, …`.
fn read() -> Expected {
    let mut expected = Expected::new();
    let mut scenario = "";
    let file = std::fs::read_to_string(path()).unwrap_or_default();
    for line in file.lines() {
        let Some((numbers, counts)) = line.trim_start().split_once("  ") else {
            scenario = line;
            continue;
        };
        let worlds = expected.entry(scenario.to_owned()).or_default();
        for range in numbers.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let number = |text: &str| text.parse().expect("the number of a world");
            worlds.extend((number(first)..=number(last)).map(|n| (n, counts.to_owned())));
        }
    }
    expected
}

fn write(expected: &Expected) -> String {
    let mut lines = String::new();
    for (scenario, worlds) in expected {
        lines.extend([scenario, "\n"]);
        let mut left: Vec<usize> = worlds.keys().copied().collect();
        while let Some(counts) = left.first().and_then(|first| worlds.get(first)) {
            let is_same = |number: &usize| worlds.get(number) == Some(counts);
            let (same, others): (Vec<usize>, Vec<usize>) = left.iter().partition(|n| is_same(n));
            let runs = same.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
                [first, .., last] => format!("{first}-{last}"),
                run => run.iter().map(ToString::to_string).collect(),
            });
            let numbers = runs.collect::<Vec<_>>().join(",");
            lines.extend(["  ", &numbers, "  ", counts, "\n"]);
            left = others;
        }
    }
    lines
}

fn check(scenario: &str, number: usize, counted: &str) {
    // What the file says, and the scenarios that are written anew.
    static FILE: Mutex<Option<(Expected, BTreeSet<String>)>> = Mutex::new(None);
    let mut file = lock(&FILE);
    let (expected, fresh) = file.get_or_insert_with(|| (read(), BTreeSet::new()));
    let worlds = expected.entry(scenario.to_owned()).or_default();
    if worlds.values().any(|counts| counts == BY_CHANCE) {
        return;
    }
    if std::env::var_os(WRITES).is_none() {
        let expected = worlds.get(&number).cloned();
        drop(file);
        let expected = expected.unwrap_or_else(|| "nothing that is known".to_owned());
        assert_eq!(
            counted, expected,
            "world {number} of {scenario} counts on the left, {EXPECTED} says on the right; {WRITES}=1 writes it anew"
        );
        return;
    }
    if fresh.insert(scenario.to_owned()) {
        worlds.clear();
    }
    worlds.insert(number, counted.to_owned());
    std::fs::write(path(), write(expected)).expect("the file of counts can be written");
}
