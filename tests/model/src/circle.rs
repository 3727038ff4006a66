//! Looks for runs that go on for ever: a state that comes again on its own path.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use stateright::{Model, Representative};

use crate::bounds::Protocol;
use crate::state::State;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Colour {
    OnPath,
    Left,
}

/// A state on the present path, and what is still to be walked from it.
struct Stop {
    print: u64,
    next: Vec<State>,
}

/// Whether some run of the protocol comes back to a state that it has been in (which could then repeat for ever).
pub fn circles(protocol: &Protocol) -> bool {
    let hasher = RandomState::new();
    let mut colours: HashMap<u64, Colour> = HashMap::new();
    let mut path = Vec::new();
    for start in protocol.init_states() {
        enter(protocol, &start, (&hasher, &mut colours), &mut path);
    }
    while let Some(stop) = path.last_mut() {
        let Some(state) = stop.next.pop() else {
            colours.insert(stop.print, Colour::Left);
            path.pop();
            continue;
        };
        match colours.get(&hasher.hash_one(&state)) {
            Some(Colour::OnPath) => return true,
            Some(Colour::Left) => {}
            None => enter(protocol, &state, (&hasher, &mut colours), &mut path),
        }
    }
    false
}

type Colours<'a> = (&'a RandomState, &'a mut HashMap<u64, Colour>);

fn enter(protocol: &Protocol, state: &State, (hasher, colours): Colours<'_>, path: &mut Vec<Stop>) {
    let print = hasher.hash_one(state);
    colours.insert(print, Colour::OnPath);
    let next = protocol
        .next_states(state)
        .iter()
        .map(Representative::representative)
        .collect();
    path.push(Stop { print, next });
}
