//! What the three binaries share: telemetry, configuration, clients, the loop over invocations, and the report of a failed start.

use crate::flush::FlushLayer;
use crate::settings::STACK_NAME;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, Runtime, service_fn};
use leadwire_aws::{Clients, ClientsError, SystemClock};
use leadwire_pipeline::observe::{ColdStarted, ConfigInvalid, LeaseTooShort, RuntimeFailed};
use leadwire_pipeline::port::Clock as _;
use leadwire_pipeline::settings::{
    ConfigError, DEV, ENVIRONMENT, LEASE, RECORD_DEADLINE, RUST_LOG,
};
use leadwire_telemetry::{Invocation, Service, SpanConfig};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Where the Runtime API is.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
/// What the platform sets and the runtime needs: without them the binary is not in Lambda.
const PLATFORM: [&str; 4] = [
    RUNTIME_API,
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];
/// How long the report of a failed start to the platform may take.
const REPORT_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a function did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Variables that cannot be used.
    #[error("the configuration has {} mistake(s)", .0.len())]
    Config(Vec<ConfigError>),
    /// The clients of AWS cannot be built.
    #[error(transparent)]
    Clients(#[from] ClientsError),
    /// The platform's API failed.
    #[error("the Lambda Runtime API failed: {0}")]
    Runtime(lambda_runtime::Error),
}

/// Reads a variable of the environment. Text that is not Unicode counts as not set.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place where the environment is read"
)]
pub fn environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// Starts telemetry, then reads the configuration, or gives back every mistake, telemetry's own and the platform's variables included.
pub fn configure<C>(
    service: Service,
    read: impl FnOnce(fn(&str) -> Option<String>) -> Result<C, Vec<ConfigError>>,
) -> Result<C, ServeError> {
    let stage = environment(STACK_NAME.variable())
        .or_else(|| environment(ENVIRONMENT.variable()))
        .unwrap_or_else(|| DEV.to_owned());
    let spans = SpanConfig::from_lookup(&format!("leadwire-{}", service.name()), environment);
    let (spans, of_spans) = match spans {
        Ok(spans) => (spans, Vec::new()),
        // Where spans should go is not known, but the mistakes must be reported.
        Err(mistakes) => (SpanConfig::default(), mistakes),
    };
    let rust_log = environment(RUST_LOG.variable());
    leadwire_telemetry::init(service, &stage, rust_log.as_deref(), &spans);
    let mut missing = PLATFORM.to_vec();
    missing.retain(|name| environment(name).is_none());
    let mut mistakes: Vec<ConfigError> = missing.into_iter().map(not_in_lambda).collect();
    mistakes.extend(of_spans);
    match read(environment) {
        Ok(config) if mistakes.is_empty() => return Ok(config),
        Ok(_) => {}
        Err(more) => mistakes.extend(more),
    }
    Err(ServeError::Config(mistakes))
}

fn not_in_lambda(name: &'static str) -> ConfigError {
    let expected =
        "to be set by Lambda, where alone this binary runs; on one machine it is `leadwire up`";
    ConfigError::new(name, "is not set", expected)
}

/// The clients of AWS. What goes to X-Ray's own endpoint is signed with their credentials.
pub fn clients() -> Result<Clients, ServeError> {
    let clients = Clients::of_function(environment)?;
    if let Some(credentials) = clients.sdk().credentials_provider() {
        leadwire_telemetry::sign_with(credentials);
    }
    Ok(clients)
}

/// Answers invocations for ever, or until the platform sends SIGTERM. After each answer, whatever it was, telemetry is flushed.
pub async fn run<E, R>(
    handle: impl AsyncFn(E, Context, Invocation) -> Result<R, Diagnostic>,
) -> Result<(), ServeError>
where
    E: DeserializeOwned,
    R: Serialize,
{
    let handle = &handle;
    let warm = AtomicBool::new(is_provisioned());
    let warm = &warm;
    // Boxed: the stages' futures are large, and the runtime moves what it is given through every layer.
    let service = service_fn(move |event: LambdaEvent<E>| {
        let invocation = Invocation {
            id: Some(event.context.request_id.clone()),
            is_cold: !warm.swap(true, Ordering::Relaxed),
            xray: event.context.xray_trace_id.clone(),
        };
        Box::pin(async move {
            if invocation.is_cold {
                ColdStarted {}.emit();
            }
            handle(event.payload, event.context, invocation).await
        })
    });
    let runtime = Runtime::new(service).layer(FlushLayer::default());
    let ended = tokio::select! {
        ended = runtime.run() => ended.map_err(ServeError::Runtime),
        () = terminated() => Ok(()),
    };
    // What was under way has been dropped with its spans; they are exported too.
    leadwire_telemetry::flush().await;
    ended
}

/// A process that was started ahead of time is not cold for the first request.
fn is_provisioned() -> bool {
    environment("AWS_LAMBDA_INITIALIZATION_TYPE").as_deref() == Some("provisioned-concurrency")
}

/// Lambda sends SIGTERM before it takes an environment away, where an extension (a collector, say) is registered.
async fn terminated() {
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_not_here) => std::future::pending().await,
    }
}

/// What is left of an invocation.
pub fn remaining(context: &Context) -> Duration {
    let now = u64::try_from(SystemClock.now().as_millisecond()).unwrap_or_default();
    Duration::from_millis(context.deadline.saturating_sub(now))
}

/// A worker that can outlive its claim could send beside its successor, which also needs a record's time to read what the worker wrote. The
/// function's timeout is only known once it runs.
pub fn check_lease(lease: Duration, remaining: Duration) {
    if remaining + RECORD_DEADLINE > lease {
        let (lease_seconds, remaining_seconds) = (lease.as_secs(), remaining.as_secs());
        LeaseTooShort {
            variable: LEASE.variable(),
            lease_seconds,
            remaining_seconds,
        }
        .emit();
    }
}

/// Ends the process: a failed start is reported in the log, a line for each mistake, and to the platform.
pub fn conclude(outcome: Result<(), ServeError>) -> ExitCode {
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    let summary = log(&error);
    if let Some((api, summary)) = environment(RUNTIME_API).zip(summary) {
        // The exit code says the same; the platform only shows it later.
        drop(report(&api, &summary));
    }
    ExitCode::FAILURE
}

/// Logs an error, and gives what the platform does not know of it.
fn log(error: &ServeError) -> Option<String> {
    match error {
        ServeError::Config(mistakes) => {
            for mistake in mistakes {
                ConfigInvalid {
                    variable: mistake.name,
                    problem: Some(&mistake.problem),
                    expected: Some(&mistake.expected),
                    error: None,
                }
                .emit();
            }
            let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            Some(mistakes.join("\n"))
        }
        ServeError::Clients(error) => {
            let variable = error.variable();
            ConfigInvalid {
                variable,
                problem: None,
                expected: None,
                error: Some(error),
            }
            .emit();
            let why = error.source().map(|source| format!(" ({source})"));
            Some(format!("{variable}: {error}{}", why.unwrap_or_default()))
        }
        ServeError::Runtime(cause) => {
            RuntimeFailed { error: &**cause }.emit();
            None
        }
    }
}

/// The Runtime API's `init/error`; the runtime crate has no call for it before an event. Plain HTTP to the local host.
fn report(api: &str, message: &str) -> std::io::Result<()> {
    let body = serde_json::json!({ "errorType": "Leadwire.Configuration", "errorMessage": message, "stackTrace": [] }).to_string();
    let address = api
        .to_socket_addrs()?
        .next()
        .ok_or(std::io::ErrorKind::NotFound)?;
    let mut stream = TcpStream::connect_timeout(&address, REPORT_TIMEOUT)?;
    stream.set_read_timeout(Some(REPORT_TIMEOUT))?;
    stream.set_write_timeout(Some(REPORT_TIMEOUT))?;
    let length = body.len();
    let request = format!(
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: {api}\r\nContent-Type: application/json\r\n\
         Lambda-Runtime-Function-Error-Type: Leadwire.Configuration\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    // Leaving before the answer could reset the connection, and lose the report.
    stream.read(&mut [0; 64]).map(drop)
}
