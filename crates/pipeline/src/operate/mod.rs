//! What an operator asks for, in both homes.

pub mod audit;
pub mod canary;
pub mod forget;
pub mod quarantine;
pub mod redrive;
pub mod replay;
pub mod resolve;
