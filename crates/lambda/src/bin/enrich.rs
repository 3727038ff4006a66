//! `enrich`: joins the owner's data, stores the one document, mails once.

use lambda_runtime::Diagnostic;
use leadwire_lambda::queue::{self, QueueEvent};
use leadwire_lambda::serve::{self, ServeError};
use leadwire_lambda::{config, stage};
use leadwire_telemetry::{Names, Service};
use std::process::ExitCode;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    serve::conclude(serve().await)
}

async fn serve() -> Result<(), ServeError> {
    let config = serve::configure(Service::Enrich, config::Enrich::from_lookup)?;
    let lease = Duration::from_secs(config.stage.lease_seconds.into());
    let queue_url = config.stack.queue_url.clone();
    let stage = stage::enrich(&serve::clients().await?, config).await;
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
