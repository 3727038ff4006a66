//! `ingest`: takes webhooks, stores them, queues their triggers.

use leadwire_lambda::{function, serve};
use mimalloc::MiMalloc;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    serve::conclude(function::ingest().await)
}
