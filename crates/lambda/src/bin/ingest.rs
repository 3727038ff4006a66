//! `ingest`: takes webhooks, stores them, queues their triggers.

use lambda_runtime::Diagnostic;
use leadwire_aws::SystemClock;
use leadwire_lambda::http::{self, HttpEvent};
use leadwire_lambda::serve::{self, ServeError};
use leadwire_lambda::{config, stage};
use leadwire_pipeline::ingest::Request;
use leadwire_pipeline::port::Clock as _;
use leadwire_pipeline::trace::TraceContext;
use leadwire_telemetry::Service;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    serve::conclude(serve().await)
}

async fn serve() -> Result<(), ServeError> {
    let config = serve::configure(Service::Ingest, config::Ingest::from_lookup)?;
    let stage = stage::ingest(&serve::clients().await?, config).await;
    serve::run(async |event: HttpEvent, _context| {
        let received_at = SystemClock.now();
        let decoded = match event.decode() {
            Ok(decoded) => decoded,
            Err(error) => return Ok(http::response(error.refuse())),
        };
        let request = Request {
            method: &decoded.method,
            path: &decoded.path,
            headers: &decoded.headers,
            body: &decoded.body,
            received_at,
            trace: TraceContext::default(),
        };
        Ok::<_, Diagnostic>(http::response(stage.handle(request).await))
    })
    .await
}
