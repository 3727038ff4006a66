//! A home: its ports together.

use super::{Clock, DelayQueue, Entropy, Mailer, ObjectStore};

/// The ports of a home, together.
#[derive(Clone, Debug)]
pub struct Ports<S, Q, M, C, E> {
    /// Objects.
    pub store: S,
    /// The delay queue.
    pub queue: Q,
    /// Mail.
    pub mailer: M,
    /// Time.
    pub clock: C,
    /// Randomness.
    pub entropy: E,
}

/// A home: the ports under one name, so that a stage has one type parameter.
pub trait Home: Send + Sync {
    /// Its objects.
    type Store: ObjectStore;
    /// Its delay queue.
    type Queue: DelayQueue;
    /// Its mail.
    type Mailer: Mailer;
    /// Its time.
    type Clock: Clock;
    /// Its randomness.
    type Entropy: Entropy;
    /// Objects.
    fn store(&self) -> &Self::Store;
    /// The delay queue.
    fn queue(&self) -> &Self::Queue;
    /// Mail.
    fn mailer(&self) -> &Self::Mailer;
    /// Time.
    fn clock(&self) -> &Self::Clock;
    /// Randomness.
    fn entropy(&self) -> &Self::Entropy;
}

impl<S: ObjectStore, Q: DelayQueue, M: Mailer, C: Clock, E: Entropy> Home for Ports<S, Q, M, C, E> {
    type Store = S;
    type Queue = Q;
    type Mailer = M;
    type Clock = C;
    type Entropy = E;
    fn store(&self) -> &S {
        &self.store
    }
    fn queue(&self) -> &Q {
        &self.queue
    }
    fn mailer(&self) -> &M {
        &self.mailer
    }
    fn clock(&self) -> &C {
        &self.clock
    }
    fn entropy(&self) -> &E {
        &self.entropy
    }
}

/// What is every port by itself is a home.
impl<H: ObjectStore + DelayQueue + Mailer + Clock + Entropy> Home for H {
    type Store = Self;
    type Queue = Self;
    type Mailer = Self;
    type Clock = Self;
    type Entropy = Self;
    fn store(&self) -> &Self {
        self
    }
    fn queue(&self) -> &Self {
        self
    }
    fn mailer(&self) -> &Self {
        self
    }
    fn clock(&self) -> &Self {
        self
    }
    fn entropy(&self) -> &Self {
        self
    }
}
