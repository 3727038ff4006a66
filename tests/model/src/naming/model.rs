//! Naming as a stateright model.

use stateright::{Checker, Model, Property};

use super::moment::{Moment, Move, NamingModel};
use super::property::{self, R_COMPLETED};
use crate::pair::Pair;

impl Model for NamingModel {
    type State = Moment;
    type Action = Move;

    fn init_states(&self) -> Vec<Moment> {
        vec![Moment {
            posts: Pair::new(self.posts, if self.array { 0 } else { self.posts }),
            crashes: self.crashes,
            lost: self.lost,
            errors: self.errors,
            forgets: self.forgets,
            ..Moment::default()
        }]
    }

    fn actions(&self, moment: &Moment, moves: &mut Vec<Move>) {
        self.moves(moment, moves);
    }

    fn next_state(&self, last: &Moment, action: Move) -> Option<Moment> {
        let mut next = last.clone();
        self.take(&mut next, action);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        property::all()
    }

    fn format_step(&self, last: &Moment, action: Move) -> Option<String> {
        let part = if let Move::Go(id, event, _) = action {
            format!(" {:?}", last.requests[id][event])
        } else {
            String::new()
        };
        Some(format!("{action:?}{part}"))
    }
}

/// Walks it all: the number of states, and what is wrong: broken promises, and what is not reached.
pub fn walk(model: NamingModel) -> (usize, Vec<&'static str>) {
    let checker = model.checker().threads(1).spawn_bfs().join();
    let mut found: Vec<_> = checker.discoveries().into_keys().collect();
    let reached = found.contains(&R_COMPLETED) || model.errors == 0;
    found.retain(|name| *name != R_COMPLETED);
    if !reached {
        found.push(R_COMPLETED);
    }
    (checker.unique_state_count(), found)
}
