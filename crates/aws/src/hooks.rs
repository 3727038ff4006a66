//! What is done about every call: the id that the service gave the request is noted on the span that covers it, for a case with AWS
//! support; and the SDK's description of itself, which it would put together anew for each call and have signed, is one constant.

use aws_runtime::user_agent::UserAgentInterceptor;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextRef,
    BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::interceptors::{
    Intercept, disable_interceptor, dyn_dispatch_hint,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use tracing::Span;

/// The attribute; the caller of the port opens the span.
const ATTRIBUTE: &str = "aws.request_id";
/// The headers in which services give it: S3 its own, the others Amazon's.
const HEADERS: [&str; 2] = ["x-amz-request-id", "x-amzn-requestid"];
/// Who called, as `CloudTrail` shows it. It is not signed.
const OURSELVES: &str = concat!("aws-sdk-rust app/leadwire/", env!("CARGO_PKG_VERSION"));

/// Notes the id of every answer, also of one that is an error; of several attempts the last one stays. Says who is calling.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hooks;

#[dyn_dispatch_hint]
impl Intercept for Hooks {
    fn name(&self) -> &'static str {
        "Hooks"
    }

    fn read_before_execution(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let ours = disable_interceptor::<UserAgentInterceptor>("the header is a constant");
        config.interceptor_state().store_put(ours);
        Ok(())
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.request_mut().headers_mut();
        headers.insert("user-agent", OURSELVES);
        Ok(())
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
