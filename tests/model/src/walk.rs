//! Walks a protocol exhaustively, and says what was found.

use std::collections::HashSet;
use std::fmt::{self, Debug};
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, Model};

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
///
/// The checker's own search stops at the end of a block of states, and not at the first that breaks the property.
pub fn refute<M>(model: &M, property: &'static str) -> Option<Vec<String>>
where
    M: Model,
    M::State: Clone + Debug + Hash,
    M::Action: Clone,
{
    let properties = model.properties();
    let law = properties.iter().find(|p| p.name == property)?;
    let hasher = RandomState::new();
    let mut seen = HashSet::new();
    let mut nodes: Vec<Node<M>> = Vec::new();
    for start in model.init_states() {
        seen.insert(hasher.hash_one(&start));
        nodes.push((start, None));
    }
    let mut at = 0;
    while let Some((state, _)) = nodes.get(at).cloned() {
        if !(law.condition)(model, &state) {
            return Some(told(model, &nodes, at));
        }
        let mut actions = Vec::new();
        model.actions(&state, &mut actions);
        for action in actions {
            let next = model.next_state(&state, action.clone());
            let fresh = next.filter(|next| seen.insert(hasher.hash_one(next)));
            nodes.extend(fresh.map(|next| (next, Some((at, action)))));
        }
        at += 1;
    }
    None
}

/// A state that was reached: from which one, and how.
type Node<M> = (<M as Model>::State, Option<(usize, <M as Model>::Action)>);

/// The way to a state, one line a step.
fn told<M>(model: &M, nodes: &[Node<M>], end: usize) -> Vec<String>
where
    M: Model,
    M::State: Debug,
    M::Action: Clone,
{
    let (mut lines, mut at) = (Vec::new(), end);
    while let Some((_, Some((from, action)))) = nodes.get(at) {
        let before = nodes.get(*from).map(|(state, _)| state);
        lines.extend(before.and_then(|state| model.format_step(state, action.clone())));
        at = *from;
    }
    lines.reverse();
    lines
}
