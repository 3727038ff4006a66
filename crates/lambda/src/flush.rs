//! Telemetry is flushed in one place: outside the service that posts the answer, so that no sender waits for a collector.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Flushes after every invocation. The runtime runs its layers around the service that posts the answer, or the error, or the panic. Its
/// services live as long as what they answer with, hence the lifetime.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FlushLayer<'a>(PhantomData<&'a ()>);

impl<'a, S> Layer<S> for FlushLayer<'a> {
    type Service = Flush<'a, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Flush(inner, PhantomData)
    }
}

/// What [`FlushLayer`] makes of a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flush<'a, S>(S, PhantomData<&'a ()>);

impl<'a, R, S: Service<R>> Service<R> for Flush<'a, S>
where
    S::Future: 'a,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + 'a>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let answered = self.0.call(request);
        Box::pin(async move {
            let outcome = answered.await;
            leadwire_telemetry::flush().await;
            outcome
        })
    }
}
