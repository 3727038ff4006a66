#![doc = include_str!("../README.md")]

mod action;
mod audit;
mod bounds;
mod claim;
mod effect;
mod enrich;
mod fact;
mod forget;
mod ghost;
mod ingest;
mod machine;
mod model;
mod pair;
mod property;
mod queue;
mod state;
mod sweep;
mod symmetry;
mod variant;
mod wake;
mod worker;
mod world;

pub mod circle;
pub mod control;
pub mod naming;
pub mod scenario;
pub mod walk;

pub use action::{Action, Delivery, Get, Outside, Process, Reply};
pub use audit::{Audit, audit};
pub use bounds::{Ambiguous, Bounds, Notify, OwnerMissing, Policy, Protocol, Start};
pub use claim::{Claim, Mail, Old};
pub use effect::{Answer, Effect, EffectId, Effects, Set};
pub use fact::{Doc, Failed, Lookup, Phase, Raw, Reason, Service, Wait};
pub use ghost::{Ghost, Told, Woken};
pub use pair::{Pair, Rev, WorkerId};
pub use queue::{Delay, Kind, Message, Place, Queue, Slot};
pub use state::{Forget, Ingest, Machine, State, Sweep, Wake};
pub use variant::Variant;
pub use worker::{Found, GivenUp, Plan, Step, Worker, Write};
