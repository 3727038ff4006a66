//! What is told of a lead's way, seen where spans come out. The stages are real, the ports are fakes with spans around them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows tests by their attribute, and their helpers have none"
)]

mod trace;
mod world;
