//! Walks a protocol exhaustively, and says what was found.

use std::fmt::{self, Debug};
use std::hash::Hash;
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::bounds::Protocol;

/// What a walk has found.
#[derive(Clone, Debug)]
pub struct Walk {
    /// Distinct states, those that differ by numbers of workers and message slots only counted once.
    pub states: usize,
    /// Transitions walked.
    pub transitions: usize,
    /// The longest path.
    pub depth: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// Promises that do not hold.
    pub broken: Vec<&'static str>,
    /// What the scenario should reach and does not.
    pub unreached: Vec<&'static str>,
}

impl Walk {
    /// Whether everything holds, and everything asked for was reached.
    pub fn holds(&self) -> bool {
        self.broken.is_empty() && self.unreached.is_empty()
    }
}

impl fmt::Display for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        write!(
            f,
            "{:>10} states {:>11} steps  depth {:>3}  {seconds:>6.1} s",
            self.states, self.transitions, self.depth
        )?;
        for name in &self.broken {
            write!(f, "\n    BROKEN {name}")?;
        }
        for name in &self.unreached {
            write!(f, "\n    NOT REACHED {name}")?;
        }
        Ok(())
    }
}

/// Walks every state of a protocol (depth first, the two workers and the message slots taken as interchangeable).
pub fn walk(protocol: Protocol, threads: usize) -> Walk {
    let started = Instant::now();
    let checker = protocol
        .checker()
        .threads(threads)
        .symmetry()
        .spawn_dfs()
        .join();
    let found = checker.discoveries();
    let (mut broken, mut unreached) = (Vec::new(), Vec::new());
    for property in protocol.properties() {
        match (property.expectation, found.contains_key(property.name)) {
            (Expectation::Always | Expectation::Eventually, true) => broken.push(property.name),
            (Expectation::Sometimes, false) => unreached.push(property.name),
            (Expectation::Always | Expectation::Eventually, false)
            | (Expectation::Sometimes, true) => {}
        }
    }
    Walk {
        states: checker.unique_state_count(),
        transitions: checker.state_count(),
        depth: checker.max_depth(),
        elapsed: started.elapsed(),
        broken,
        unreached,
    }
}

/// The shortest run that breaks one property, one line a step; `None` where it holds.
pub fn refute<M>(model: &M, property: &'static str) -> Option<Vec<String>>
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + PartialEq,
{
    let checker = model.clone().checker().threads(1);
    let found = HasDiscoveries::AnyOf([property].into());
    let checker = checker.finish_when(found).spawn_bfs().join();
    let steps = checker.discovery(property)?.into_vec();
    let lines = steps
        .iter()
        .filter_map(|(state, action)| model.format_step(state, action.clone()?));
    Some(lines.collect())
}
