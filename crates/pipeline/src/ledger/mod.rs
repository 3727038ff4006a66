//! Stored objects: their keys, metadata and bodies.

pub(crate) mod claim;
pub(crate) mod failure;
pub(crate) mod listing;
pub(crate) mod raw;
