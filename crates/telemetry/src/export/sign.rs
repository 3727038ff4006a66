//! Signature Version 4 of what goes to X-Ray's OTLP endpoint.

use super::ExportError;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as sign_v4};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::Request;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The name of X-Ray in a signature's scope.
const SERVICE: &str = "xray";

static CREDENTIALS: OnceLock<SharedCredentialsProvider> = OnceLock::new();

/// Says whose credentials sign what goes to X-Ray. The first one stays.
pub fn sign_with(credentials: SharedCredentialsProvider) {
    // A second one would be the same process's.
    drop(CREDENTIALS.set(credentials));
}

#[expect(
    clippy::disallowed_methods,
    reason = "a signature's own time decides nothing, and no port reaches here"
)]
pub(crate) async fn sign(
    mut request: Request<Bytes>,
    region: &str,
) -> Result<Request<Bytes>, ExportError> {
    let provider = CREDENTIALS.get().ok_or(ExportError::NoSigner)?;
    let credentials = provider
        .provide_credentials()
        .await
        .map_err(ExportError::send)?;
    let identity: Identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(ExportError::send)?;
    let headers = request.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let (method, uri) = (request.method().as_str(), request.uri().to_string());
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new(method, uri, headers, body).map_err(ExportError::send)?;
    let signed = sign_v4(signable, &parameters.into()).map_err(ExportError::send)?;
    let (instructions, _signature) = signed.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}
