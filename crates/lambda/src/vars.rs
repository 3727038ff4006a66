//! The name of every environment variable that the functions read. `template.yaml` sets these and no others; the gate compares both ways.

/// The stage's name, a dimension of every metric.
pub const ENVIRONMENT: &str = "ENVIRONMENT";
/// The filter of the log lines.
pub const RUST_LOG: &str = "RUST_LOG";
/// Where spans go.
pub const TRACE_EXPORTER: &str = "TRACE_EXPORTER";
/// The collector.
pub const OTLP_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// Headers for the collector.
pub const OTLP_HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// Which traces are recorded.
pub const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
/// The sampler's share.
pub const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
/// The bucket of what came in.
pub const RAW_BUCKET: &str = "RAW_BUCKET";
/// The bucket of the owner files.
pub const LOOKUP_BUCKET: &str = "LOOKUP_BUCKET";
/// The bucket of everything that is ours.
pub const ENRICHED_BUCKET: &str = "ENRICHED_BUCKET";
/// The URL of the delay queue.
pub const DELAY_QUEUE_URL: &str = "DELAY_QUEUE_URL";
/// The delay before enrichment, in seconds.
pub const DELAY_SECONDS: &str = "DELAY_SECONDS";
/// The secret that holds the sources document.
pub const SOURCES_SECRET_ARN: &str = "SOURCES_SECRET_ARN";
/// The sender of every mail.
pub const SES_FROM_ADDRESS: &str = "SES_FROM_ADDRESS";
/// Who is told of a lead, a comma list.
pub const SES_TO_ADDRESS: &str = "SES_TO_ADDRESS";
/// SES's configuration set.
pub const SES_CONFIGURATION_SET: &str = "SES_CONFIGURATION_SET";
/// Whether the owner is mailed too.
pub const NOTIFY_OWNER: &str = "NOTIFY_OWNER";
/// What to do when nobody knows whether a mail went out.
pub const EMAIL_AMBIGUOUS: &str = "EMAIL_AMBIGUOUS";
/// The life of a mail claim, in seconds.
pub const LEASE_SECONDS: &str = "LEASE_SECONDS";
/// How long an owner file is waited for, in seconds.
pub const OWNER_WAIT_SECONDS: &str = "OWNER_WAIT_SECONDS";
/// What to do when none came.
pub const OWNER_MISSING: &str = "OWNER_MISSING";
/// How long a busy SES is waited for, in seconds.
pub const MAIL_WAIT_SECONDS: &str = "MAIL_WAIT_SECONDS";
/// The visibility after a first transient failure, in seconds.
pub const RETRY_SECONDS: &str = "RETRY_SECONDS";
/// Receives before the DLQ, as the redrive policy has them.
pub const MAX_RECEIVE_COUNT: &str = "MAX_RECEIVE_COUNT";
/// A link to a lead in the CRM.
pub const LEAD_URL_TEMPLATE: &str = "LEAD_URL_TEMPLATE";
/// More lost triggers than this: none is sent.
pub const SWEEP_MAX: &str = "SWEEP_MAX";
/// Older events than this are left alone, in days.
pub const SWEEP_MAX_AGE_DAYS: &str = "SWEEP_MAX_AGE_DAYS";
/// The secret that holds the canary's; without it there is no canary.
pub const CANARY_SECRET_ARN: &str = "CANARY_SECRET_ARN";
/// The stack's own address of the canary, `…/ingest/canary`.
pub const CANARY_URL: &str = "CANARY_URL";

/// What telemetry reads by itself, in every function.
pub const TELEMETRY: &[&str] = &[
    RUST_LOG,
    TRACE_EXPORTER,
    OTLP_ENDPOINT,
    OTLP_HEADERS,
    SAMPLER,
    SAMPLER_ARG,
];

/// What `ingest` reads.
pub const INGEST: &[&str] = &[
    ENVIRONMENT,
    RUST_LOG,
    TRACE_EXPORTER,
    OTLP_ENDPOINT,
    OTLP_HEADERS,
    SAMPLER,
    SAMPLER_ARG,
    RAW_BUCKET,
    ENRICHED_BUCKET,
    DELAY_QUEUE_URL,
    DELAY_SECONDS,
    SOURCES_SECRET_ARN,
    CANARY_SECRET_ARN,
];

/// What `enrich` reads.
pub const ENRICH: &[&str] = &[
    ENVIRONMENT,
    RUST_LOG,
    TRACE_EXPORTER,
    OTLP_ENDPOINT,
    OTLP_HEADERS,
    SAMPLER,
    SAMPLER_ARG,
    RAW_BUCKET,
    LOOKUP_BUCKET,
    ENRICHED_BUCKET,
    DELAY_QUEUE_URL,
    DELAY_SECONDS,
    SES_FROM_ADDRESS,
    SES_TO_ADDRESS,
    SES_CONFIGURATION_SET,
    NOTIFY_OWNER,
    EMAIL_AMBIGUOUS,
    LEASE_SECONDS,
    OWNER_WAIT_SECONDS,
    OWNER_MISSING,
    MAIL_WAIT_SECONDS,
    RETRY_SECONDS,
    MAX_RECEIVE_COUNT,
    LEAD_URL_TEMPLATE,
];

/// What `sweep` reads.
pub const SWEEP: &[&str] = &[
    ENVIRONMENT,
    RUST_LOG,
    TRACE_EXPORTER,
    OTLP_ENDPOINT,
    OTLP_HEADERS,
    SAMPLER,
    SAMPLER_ARG,
    RAW_BUCKET,
    ENRICHED_BUCKET,
    DELAY_QUEUE_URL,
    DELAY_SECONDS,
    OWNER_WAIT_SECONDS,
    MAIL_WAIT_SECONDS,
    MAX_RECEIVE_COUNT,
    SWEEP_MAX,
    SWEEP_MAX_AGE_DAYS,
    LOOKUP_BUCKET,
    CANARY_SECRET_ARN,
    CANARY_URL,
];

/// What the platform sets: where the Runtime API is.
pub const AWS_LAMBDA_RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
/// What the platform sets and the runtime needs: without them the binary is not in Lambda.
pub const PLATFORM: &[&str] = &[
    AWS_LAMBDA_RUNTIME_API,
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];
