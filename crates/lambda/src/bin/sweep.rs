//! `sweep`: finds events that have lost their trigger and queues them again; on a schedule of its own it sends the canary.

use lambda_runtime::Diagnostic;
use leadwire_lambda::serve::{self, ServeError};
use leadwire_lambda::stage::{self, AwsCanary};
use leadwire_lambda::{config, settings};
use leadwire_pipeline::observe::SweepFailed;
use leadwire_pipeline::operate::canary::Accepted;
use leadwire_pipeline::stage::sweep::SweepReport;
use leadwire_telemetry::{Service, canary_span, sweep_span};
use mimalloc::MiMalloc;
use serde::Serialize;
use serde_json::Value;
use std::process::ExitCode;
use tracing::Instrument as _;

/// What an invocation did.
#[derive(Serialize)]
#[serde(untagged)]
enum Report {
    Swept(SweepReport),
    Canary { canary: Canary },
}

/// What became of sending a canary. One that is not sent is no failed invocation: its alarm is its silence, and the function's own alarm
/// stays that of the sweep.
#[derive(Serialize)]
#[serde(untagged)]
enum Canary {
    Sent(Accepted),
    NotSent { error: String },
}

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    serve::conclude(serve().await)
}

async fn serve() -> Result<(), ServeError> {
    let config = serve::configure(Service::Sweep, config::Sweep::from_lookup)?;
    let (sweep, canary) = stage::sweep(&serve::clients()?, config);
    serve::run(async |event: Value, context, invocation| {
        if event.get("canary") == Some(&Value::Bool(true)) {
            let sent = send(canary.as_ref()).instrument(canary_span(&invocation));
            let canary = sent.await;
            return Ok(Report::Canary { canary });
        }
        sweep
            .run_within(serve::remaining(&context))
            .instrument(sweep_span(&invocation))
            .await
            .map(Report::Swept)
            .map_err(|error| {
                SweepFailed { error: &error }.emit();
                Diagnostic {
                    error_type: SweepFailed::FACTS.name.to_owned(),
                    error_message: error.to_string(),
                }
            })
    })
    .await
}

async fn send(canary: Option<&AwsCanary>) -> Canary {
    let Some(canary) = canary else {
        let error = format!(
            "{} is not set, so there is no canary",
            settings::CANARY_URL.variable()
        );
        return Canary::NotSent { error };
    };
    match canary.send().await {
        Ok(accepted) => Canary::Sent(accepted),
        Err(error) => Canary::NotSent {
            error: format!("{error}: {}", error.source),
        },
    }
}
