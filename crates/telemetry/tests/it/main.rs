//! What is told of a lead's way, seen where spans come out. The stages are real, the ports are fakes with spans around them.

mod trace;
mod world;
