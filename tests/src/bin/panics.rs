//! A function over the same loop as the real ones, whose handler panics inside a span: no input makes the real ones do that.

use std::process::ExitCode;

use leadwire_lambda::serve;
use leadwire_pipeline::settings::ConfigError;
use leadwire_telemetry::{Service, sweep_span};
use serde_json::Value;
use tracing::Instrument as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let configured = serve::configure(Service::Sweep, |_| Ok::<(), Vec<ConfigError>>(()));
    if let Err(error) = configured {
        return serve::conclude(Err(error));
    }
    let handle = async |event: Value, _context, invocation| {
        let work = async move {
            assert!(event.get("panics").is_none(), "the event says so");
            Ok::<Value, _>(event)
        };
        work.instrument(sweep_span(&invocation)).await
    };
    serve::conclude(serve::run(handle).await)
}
