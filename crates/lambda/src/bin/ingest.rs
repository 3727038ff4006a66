//! `ingest`: takes webhooks, stores them, queues their triggers.

use lambda_runtime::Diagnostic;
use leadwire_aws::SystemClock;
use leadwire_domain::source::Headers as _;
use leadwire_lambda::http::{self, HttpEvent};
use leadwire_lambda::serve::{self, ServeError};
use leadwire_lambda::{config, stage};
use leadwire_pipeline::port::Clock as _;
use leadwire_pipeline::stage::ingest::Request;
use leadwire_pipeline::trace::{TRACEPARENT, TraceContext};
use leadwire_telemetry::{Service, answered, context_of, link_outside, server_span};
use std::process::ExitCode;
use tracing::Instrument as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    serve::conclude(serve().await)
}

async fn serve() -> Result<(), ServeError> {
    let config = serve::configure(Service::Ingest, config::Ingest::from_lookup)?;
    let stage = stage::ingest(&serve::clients().await?, config).await;
    serve::run(async |event: HttpEvent, _context, invocation| {
        let received_at = SystemClock.now();
        let decoded = match event.decode() {
            Ok(decoded) => decoded,
            Err(error) => return Ok(http::response(error.refuse())),
        };
        let span = server_span(&decoded.method, &decoded.path, "https", &invocation);
        let outside = TraceContext {
            traceparent: decoded.headers.get(TRACEPARENT).map(ToOwned::to_owned),
            ..TraceContext::default()
        };
        let request = Request {
            method: &decoded.method,
            path: &decoded.path,
            headers: &decoded.headers,
            body: &decoded.body,
            received_at,
            trace: context_of(&span),
        };
        let work = stage.handle(request).instrument(span.clone());
        let answer = Box::pin(work).await;
        answered(&span, answer.status);
        if answer.is_verified {
            link_outside(&span, &outside, &invocation);
        }
        Ok::<_, Diagnostic>(http::response(answer))
    })
    .await
}
