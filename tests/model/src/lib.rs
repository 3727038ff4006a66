#![doc = include_str!("../README.md")]

mod action;
mod bounds;
mod claim;
mod defer;
mod enrich;
mod fact;
mod forget;
mod ghost;
mod ingest;
mod mail;
mod model;
mod pair;
mod protocol;
mod queue;
mod state;
mod sweep;
mod symmetry;
mod variant;
mod worker;
mod world;

pub mod circle;
pub mod control;
pub mod naming;
pub mod property;
pub mod scenario;
pub mod walk;

pub use action::{Action, Delivery, Get, Process, Reply};
pub use bounds::{Ambiguous, Bounds, ClaimOrder, Clock, Cure, OwnerMissing, Policy};
pub use model::Protocol;
pub use pair::{Pair, Rev, WorkerId};
pub use queue::{Delay, Kind, Message, Place, Queue, Slot};
pub use state::{
    Claim, Doc, Forget, Found, Ghost, Ingest, IngestStep, Lookup, Mail, Phase, Reason, Seen, Ses,
    State, Step, Sweep, Wait, Worker, Write,
};
pub use variant::Variant;
