//! Two of a kind: the two enrich workers, the two revisions, the two effects.

use std::fmt;
use std::ops::{Index, IndexMut};

/// One of the two enrich workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkerId {
    /// The first worker.
    A,
    /// The second worker.
    B,
}

impl WorkerId {
    /// Both workers.
    pub const ALL: [Self; 2] = [Self::A, Self::B];
}

/// A revision of the event: the event itself, or the replay of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rev {
    /// The event as it was accepted, named X.
    #[default]
    Base,
    /// The first replay of it, named X.r1.
    Replay,
}

impl Rev {
    /// Both revisions.
    pub const ALL: [Self; 2] = [Self::Base, Self::Replay];
}

/// Two values, indexed by one of two.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pair<T> {
    first: T,
    second: T,
}

impl<T: fmt::Debug> fmt::Debug for Pair<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} and {:?}", self.first, self.second)
    }
}

impl<T> Pair<T> {
    /// The two values.
    pub const fn new(first: T, second: T) -> Self {
        Self { first, second }
    }

    /// Changes places.
    pub fn swap(&mut self) {
        std::mem::swap(&mut self.first, &mut self.second);
    }

    /// Both values, in order.
    pub fn each(&self) -> [&T; 2] {
        [&self.first, &self.second]
    }

    /// Both values, in order, to be changed.
    pub fn each_mut(&mut self) -> [&mut T; 2] {
        [&mut self.first, &mut self.second]
    }
}

impl<T: Ord> Pair<T> {
    /// Puts the smaller value first.
    pub fn sort(&mut self) {
        if self.first > self.second {
            self.swap();
        }
    }
}

/// One of two, by which a [`Pair`] is indexed.
pub trait Side: Copy {
    /// Whether it is the second one.
    fn is_second(self) -> bool;
}

impl Side for WorkerId {
    fn is_second(self) -> bool {
        self == Self::B
    }
}

impl Side for Rev {
    fn is_second(self) -> bool {
        self == Self::Replay
    }
}

impl<T, S: Side> Index<S> for Pair<T> {
    type Output = T;

    fn index(&self, side: S) -> &T {
        if side.is_second() {
            &self.second
        } else {
            &self.first
        }
    }
}

impl<T, S: Side> IndexMut<S> for Pair<T> {
    fn index_mut(&mut self, side: S) -> &mut T {
        if side.is_second() {
            &mut self.second
        } else {
            &mut self.first
        }
    }
}
