//! `sweep`: finds events that have lost their trigger and queues them again.

use leadwire_lambda::serve::{self, ServeError};
use leadwire_lambda::{config, stage};
use leadwire_pipeline::sweep::SweepMode;
use leadwire_telemetry::{Service, sweep_span};
use serde::de::IgnoredAny;
use std::process::ExitCode;
use tracing::Instrument as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    serve::conclude(serve().await)
}

async fn serve() -> Result<(), ServeError> {
    let config = serve::configure(Service::Sweep, config::Sweep::from_lookup)?;
    let stage = stage::sweep(&serve::clients().await?, config);
    serve::run(async |_schedule: IgnoredAny, _context, invocation| {
        stage
            .run(SweepMode::Send)
            .instrument(sweep_span(&invocation))
            .await
            .map_err(|error| serve::failed("sweep_failed", &error))
    })
    .await
}
