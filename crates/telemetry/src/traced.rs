//! The ports of any home, with a span around every call. A message takes the span's context with it.

use crate::context::{extract, inject};
use crate::span::Names;
use leadwire_pipeline::port::{
    Acceptance, Accepted, BegunMail, Bucket, Created, DelayQueue, ETag, Fetched, ListPage, Listed,
    Mail, MailOutcome, Mailer, NewObject, ObjectStore, OutgoingMessage, PortError, PortErrorKind,
    Ports, Replaced,
};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;
use std::pin::Pin;
use std::sync::Arc;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// A port with spans around its calls.
#[derive(Clone, Debug)]
pub struct Traced<P> {
    inner: P,
    names: Arc<Names>,
}

/// A home with spans around the calls on its store, its queue and its mailer.
pub fn traced<S, Q, M, C, E>(
    ports: Ports<S, Q, M, C, E>,
    names: &Arc<Names>,
) -> Ports<Traced<S>, Traced<Q>, Traced<M>, C, E> {
    Ports {
        store: Traced::new(ports.store, names),
        queue: Traced::new(ports.queue, names),
        mailer: Traced::new(ports.mailer, names),
        clock: ports.clock,
        entropy: ports.entropy,
    }
}

impl<P> Traced<P> {
    fn new(inner: P, names: &Arc<Names>) -> Self {
        Self {
            inner,
            names: Arc::clone(names),
        }
    }

    /// The span of a call on the store.
    fn call(&self, operation: &'static str, bucket: Bucket, key: &str) -> Span {
        let names = &*self.names;
        let bucket = match bucket {
            Bucket::Raw => &names.raw,
            Bucket::Lookup => &names.lookup,
            Bucket::Enriched => &names.enriched,
        };
        tracing::info_span!(
            "store",
            otel.name = format!("{}.{operation}", names.store),
            otel.kind = "client",
            otel.status_code = Empty,
            otel.status_description = Empty,
            rpc.system = names.rpc,
            rpc.service = names.rpc.map(|_| names.store),
            rpc.method = names.rpc.map(|_| operation),
            aws.s3.bucket = bucket,
            aws.s3.key = key,
            aws.request_id = Empty,
            leadwire.outcome = Empty,
            error.type = Empty,
        )
    }
}

/// A call, on the heap: that of an SDK takes kilobytes, and whatever waits for it, a stage above all, would be moved with room for it.
fn boxed<F>(call: F) -> Pin<Box<F>> {
    Box::pin(call)
}

/// Notes what came of a call. An error is given by its kind and by what was attempted; its causes could quote anything.
fn conclude<T>(
    span: &Span,
    result: Result<T, PortError>,
    word: impl Fn(&T) -> &'static str,
) -> Result<T, PortError> {
    result
        .inspect(|value| {
            span.record("leadwire.outcome", word(value));
        })
        .inspect_err(|error| fail(span, error))
}

fn fail(span: &Span, error: &PortError) {
    let kind = match error.kind {
        PortErrorKind::Transient => "transient",
        PortErrorKind::Permanent => "permanent",
    };
    span.record("error.type", kind);
    span.record("otel.status_description", error.to_string());
}

impl<S: ObjectStore> ObjectStore for Traced<S> {
    async fn get(&self, bucket: Bucket, key: &str, bytes_max: usize) -> Result<Fetched, PortError> {
        let span = self.call("GetObject", bucket, key);
        let call = boxed(self.inner.get(bucket, key, bytes_max)).instrument(span.clone());
        conclude(&span, call.await, |fetched| match fetched {
            Fetched::Found(_) => "found",
            Fetched::Missing => "missing",
            Fetched::Denied => "denied",
            Fetched::TooLarge => "too_large",
        })
    }

    async fn create(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> Result<Created, PortError> {
        let span = self.call("PutObject", bucket, key);
        let call = boxed(self.inner.create(bucket, key, object)).instrument(span.clone());
        conclude(&span, call.await, |created| match created {
            Created::New(_) => "new",
            Created::Exists => "exists",
        })
    }

    async fn replace(
        &self,
        bucket: Bucket,
        key: &str,
        etag: &ETag,
        object: NewObject,
    ) -> Result<Replaced, PortError> {
        let span = self.call("PutObject", bucket, key);
        let call = boxed(self.inner.replace(bucket, key, etag, object)).instrument(span.clone());
        conclude(&span, call.await, |replaced| match replaced {
            Replaced::New(_) => "new",
            Replaced::Changed => "changed",
        })
    }

    async fn put(&self, bucket: Bucket, key: &str, object: NewObject) -> Result<(), PortError> {
        let span = self.call("PutObject", bucket, key);
        let call = boxed(self.inner.put(bucket, key, object)).instrument(span.clone());
        conclude(&span, call.await, |()| "done")
    }

    async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<ListPage, PortError> {
        // A sweep over millions of events would fill the buffer of spans, and a trace, with its pages: the first one stands for all.
        let is_of_everything = prefix.ends_with('/');
        if is_of_everything && after.is_some() {
            return boxed(self.inner.list(bucket, prefix, after)).await;
        }
        let span = self.call("ListObjectsV2", bucket, prefix);
        let call = boxed(self.inner.list(bucket, prefix, after)).instrument(span.clone());
        conclude(&span, call.await, |_| "done")
    }

    fn accepts(&self) -> bool {
        self.inner.accepts()
    }

    /// One call with the spans of both that it stands for: the raw object's, and in it the message's, which goes on below it.
    async fn accept(&self, mut acceptance: Acceptance) -> Result<Accepted, PortError> {
        let raw = acceptance.objects.last();
        let (bucket, key) = raw.map_or((Bucket::Raw, ""), |(bucket, key, _)| (*bucket, &**key));
        let put = self.call("PutObject", bucket, key);
        let send = self.sending("SendMessage", acceptance.message.delay_seconds);
        carry(&send, &mut acceptance.message);
        let accepted = self.inner.accept(acceptance).instrument(put.clone()).await;
        match &accepted {
            Ok(Accepted::New) => {}
            // Nothing was sent with it.
            Ok(Accepted::Exists) => _ = send.record("leadwire.outcome", "exists"),
            Err(error) => fail(&send, error),
        }
        conclude(&put, accepted, |accepted| match accepted {
            Accepted::New => "new",
            Accepted::Exists => "exists",
        })
    }

    async fn newest(
        &self,
        bucket: Bucket,
        prefix: &str,
        limit: usize,
    ) -> Result<Option<Vec<Listed>>, PortError> {
        self.inner.newest(bucket, prefix, limit).await
    }
}

impl<P> Traced<P> {
    /// The span of sending by one call.
    fn sending(&self, operation: &'static str, delay_seconds: u32) -> Span {
        let names = &*self.names;
        tracing::info_span!(
            "send",
            otel.name = format!("send {}", names.queue),
            otel.kind = "producer",
            otel.status_code = Empty,
            otel.status_description = Empty,
            messaging.system = names.messaging,
            messaging.operation.name = "send",
            messaging.operation.type = "send",
            messaging.destination.name = names.queue,
            messaging.batch.message_count = Empty,
            rpc.system = names.rpc,
            rpc.service = names.rpc.map(|_| "SQS"),
            rpc.method = names.rpc.map(|_| operation),
            aws.request_id = Empty,
            leadwire.delay_seconds = i64::from(delay_seconds),
            leadwire.outcome = Empty,
            error.type = Empty,
        )
    }
}

/// The message goes on below the span that sends it.
fn carry(span: &Span, message: &mut OutgoingMessage) {
    let context = inject(span.context().span().span_context());
    if context.traceparent.is_some() {
        message.trace = context;
    }
}

impl<Q: DelayQueue> DelayQueue for Traced<Q> {
    /// The message goes on in the trace that it belongs to. Where that is not the open one (a sweep's), the open one is linked.
    async fn send(&self, mut message: OutgoingMessage) -> Result<(), PortError> {
        let here = Context::current().span().span_context().clone();
        let span = self.sending("SendMessage", message.delay_seconds);
        let is_elsewhere =
            |parent: &Context| parent.span().span_context().trace_id() != here.trace_id();
        if let Some(parent) = extract(&message.trace).parent.filter(is_elsewhere) {
            // It fails only where nothing is recorded.
            drop(span.set_parent(parent));
            if here.is_valid() {
                span.add_link(here);
            }
        }
        carry(&span, &mut message);
        let sent = boxed(self.inner.send(message))
            .instrument(span.clone())
            .await;
        sent.inspect_err(|error| fail(&span, error))
    }

    /// The messages of one request belong to its trace, which is the open one.
    async fn send_all(&self, mut messages: Vec<OutgoingMessage>) -> Result<(), PortError> {
        let delays = messages.iter().map(|message| message.delay_seconds);
        let span = self.sending("SendMessageBatch", delays.max().unwrap_or_default());
        let count = i64::try_from(messages.len()).unwrap_or(i64::MAX);
        span.record("messaging.batch.message_count", count);
        for message in &mut messages {
            carry(&span, message);
        }
        let sent = boxed(self.inner.send_all(messages)).instrument(span.clone());
        sent.await.inspect_err(|error| fail(&span, error))
    }

    async fn set_visibility(&self, receipt_handle: &str, seconds: u32) -> Result<(), PortError> {
        let names = &*self.names;
        let service = names.rpc.map_or(names.store, |_| "SQS");
        let span = tracing::info_span!(
            "visibility",
            otel.name = format!("{service}.ChangeMessageVisibility"),
            otel.kind = "client",
            otel.status_code = Empty,
            otel.status_description = Empty,
            messaging.system = names.messaging,
            messaging.destination.name = names.queue,
            rpc.system = names.rpc,
            rpc.service = names.rpc.map(|_| service),
            rpc.method = names.rpc.map(|_| "ChangeMessageVisibility"),
            aws.request_id = Empty,
            error.type = Empty,
        );
        let call = boxed(self.inner.set_visibility(receipt_handle, seconds));
        let set = call.instrument(span.clone()).await;
        set.inspect_err(|error| fail(&span, error))
    }
}

impl<M: Mailer> Mailer for Traced<M> {
    async fn send(&self, mail: &Mail) -> MailOutcome {
        let names = &*self.names;
        let span = tracing::info_span!(
            "mail",
            otel.name = format!("{}.SendEmail", names.mailer),
            otel.kind = "client",
            otel.status_code = Empty,
            otel.status_description = Empty,
            rpc.system = names.rpc,
            rpc.service = names.rpc.map(|_| names.mailer),
            rpc.method = names.rpc.map(|_| "SendEmail"),
            aws.request_id = Empty,
            leadwire.attempt = i64::from(mail.attempt),
            leadwire.outcome = Empty,
            error.type = Empty,
        );
        let outcome = boxed(self.inner.send(mail)).instrument(span.clone()).await;
        let (word, error) = match &outcome {
            MailOutcome::Accepted(_) => ("accepted", None),
            MailOutcome::Throttled(error) => ("throttled", Some(error)),
            MailOutcome::Busy(error) => ("busy", Some(error)),
            MailOutcome::Unsent(_) => ("unsent", None),
            MailOutcome::Refused(error) => ("refused", Some(error)),
            MailOutcome::Ambiguous(error) => ("ambiguous", Some(error)),
        };
        span.record("leadwire.outcome", word);
        if let Some(error) = error {
            fail(&span, error);
        }
        outcome
    }

    async fn may_be_out(&self, mail: BegunMail<'_>) -> Result<bool, PortError> {
        self.inner.may_be_out(mail).await
    }
}
