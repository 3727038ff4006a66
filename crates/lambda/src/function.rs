//! The functions `ingest` and `enrich`, from their start to SIGTERM. They are here, and not in their binaries, for who measures them.

use crate::http::{self, HttpEvent};
use crate::queue::{self, QueueEvent};
use crate::serve::{self, ServeError};
use crate::{config, stage};
use lambda_runtime::Diagnostic;
use leadwire_aws::SystemClock;
use leadwire_domain::source::Headers as _;
use leadwire_pipeline::port::Clock as _;
use leadwire_pipeline::stage::ingest::Request;
use leadwire_pipeline::trace::{TRACEPARENT, TraceContext};
use leadwire_telemetry::{Names, Service, answered, context_of, link_outside, server_span};
use std::time::Duration;
use tracing::Instrument as _;

/// `ingest`: takes webhooks, stores them, queues their triggers.
pub async fn ingest() -> Result<(), ServeError> {
    let config = serve::configure(Service::Ingest, config::Ingest::from_lookup)?;
    let stage = stage::ingest(&serve::clients()?, config).await;
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
            called: &decoded.called,
            query: &decoded.query,
            headers: &decoded.headers,
            body: &decoded.body,
            received_at,
            trace: context_of(&span),
        };
        let work = Box::pin(stage.handle(request));
        let answer = work.instrument(span.clone()).await;
        answered(&span, &decoded.path, &answer);
        if answer.is_verified {
            link_outside(&span, &outside, &invocation);
        }
        Ok::<_, Diagnostic>(http::response(answer))
    })
    .await
}

/// `enrich`: joins the owner's data, stores the one document, mails once.
pub async fn enrich() -> Result<(), ServeError> {
    let config = serve::configure(Service::Enrich, config::Enrich::from_lookup)?;
    let lease = Duration::from_secs(config.stage.lease_seconds.into());
    let queue_url = config.stack.queue_url.clone();
    let stage = stage::enrich(&serve::clients()?, config).await;
    serve::run(async |event: QueueEvent, context, invocation| {
        let remaining = serve::remaining(&context);
        serve::check_lease(lease, remaining);
        let mut names = Names::aws(&queue_url);
        // It may be OwnerQueue's.
        names.queue = event.queue().map_or(names.queue, ToOwned::to_owned);
        let mut records = event.into_records();
        for record in &mut records {
            leadwire_telemetry::begin_record(record, &names, &invocation);
        }
        let received: Vec<String> = records
            .iter()
            .map(|record| record.message_id.clone())
            .collect();
        let outcomes = stage.handle_batch(records, remaining).await;
        Ok::<_, Diagnostic>(queue::response(&received, outcomes))
    })
    .await
}
