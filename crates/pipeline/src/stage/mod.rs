//! What happens to an event: taken in, enriched and mailed, found again where its message was lost.

pub mod enrich;
pub mod ingest;
pub mod sweep;
