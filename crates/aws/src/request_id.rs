//! The id that a service gave a request, for a case with AWS support: noted on the span that covers the call.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use tracing::Span;

/// The attribute; the caller of the port opens the span.
const ATTRIBUTE: &str = "aws.request_id";
/// The headers in which services give it: S3 its own, the others Amazon's.
const HEADERS: [&str; 2] = ["x-amz-request-id", "x-amzn-requestid"];

/// Notes the id of every answer, also of one that is an error. Of several attempts the last one stays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoteRequestId;

impl Intercept for NoteRequestId {
    fn name(&self) -> &'static str {
        "NoteRequestId"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        if let Some(id) = HEADERS.into_iter().find_map(|name| headers.get(name)) {
            Span::current().record(ATTRIBUTE, id);
        }
        Ok(())
    }
}
