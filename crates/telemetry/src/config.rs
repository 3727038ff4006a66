//! Where spans go and which are recorded, from the environment: every mistake in one go.

use crate::sampler::{Root, Sampler};
use http::Uri;
use http::header::{HeaderName, HeaderValue};
use leadwire_pipeline::region;
use leadwire_pipeline::settings::ConfigError;
use percent_encoding::percent_decode_str;

/// Where spans go.
pub const TRACE_EXPORTER: &str = "TRACE_EXPORTER";
const OTLP_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const OTLP_HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const RESOURCE_ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
/// Where X-Ray's daemon listens; Lambda sets it.
const XRAY_DAEMON: &str = "AWS_XRAY_DAEMON_ADDRESS";
/// X-Ray's endpoint instead of AWS's own, as in every AWS SDK.
const XRAY_ENDPOINT: &str = "AWS_ENDPOINT_URL_XRAY";
/// A PEM file whose roots are trusted instead of the system's, as in the AWS CLI.
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// Entries of the variables, for the docs and the check of the template; [`SpanConfig::from_lookup`] reads them, by OpenTelemetry's rules.
mod entry {
    use leadwire_pipeline::settings::Preset::{Derived, Text};
    use leadwire_pipeline::settings::Template::{Absent, Parameter, Stack};
    use leadwire_pipeline::settings::{Function, Parsed, Setting};

    const ALL: &[Function] = Function::ALL;

    const fn text(expected: &'static str) -> Setting<Parsed<String>> {
        Setting::new(Parsed::text("TEXT", expected))
    }

    leadwire_pipeline::settings! {
        /// Where spans go.
        EXPORTER: Parsed<String> = text("`xray-daemon`, `xray-otlp`, `otlp` or `none`").default(Derived("`otlp` where an endpoint is set, else `xray-daemon` in Lambda, else `none`"))
            .aws(super::TRACE_EXPORTER, ALL, Parameter("TraceExporter"));

        /// The base address of an OpenTelemetry collector.
        ENDPOINT: Parsed<String> = text("an address such as `http://127.0.0.1:4318`").aws(super::OTLP_ENDPOINT, ALL, Parameter("OtlpEndpoint"));

        /// Headers of every request to the collector.
        HEADERS: Parsed<String> = text("`name=value,name=value`, values percent-encoded").secret().aws(super::OTLP_HEADERS, ALL, Parameter("OtlpHeaders"));

        /// Which traces are recorded.
        SAMPLER: Parsed<String> = text("`always_on`, `always_off` or `traceidratio`, each also as `parentbased_…`").default(Text("parentbased_always_on"))
            .aws(super::SAMPLER, ALL, Stack);

        /// The share of the traces that are recorded, where the sampler takes one.
        SAMPLER_ARG: Parsed<String> = text("0 to 1").default(Text("1")).aws(super::SAMPLER_ARG, ALL, Parameter("TraceShare"));

        /// The name of this process in spans.
        SERVICE: Parsed<String> = text("a name").default(Derived("`leadwire-ingest`, …; `leadwire` on one machine")).aws(super::SERVICE_NAME, ALL, Absent);

        /// Further attributes of this process in spans.
        ATTRIBUTES: Parsed<String> = text("`name=value,name=value`, values percent-encoded").aws(super::RESOURCE_ATTRIBUTES, ALL, Absent);
    }
}
pub use entry::SETTINGS;

/// Where spans go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Exporter {
    /// Nowhere. Traces still have ids and travel on.
    #[default]
    None,
    /// To a collector, by OTLP over HTTP.
    Otlp {
        /// The whole address.
        endpoint: Uri,
        /// Further headers.
        headers: Vec<(HeaderName, HeaderValue)>,
    },
    /// To X-Ray's OTLP endpoint, signed.
    XrayOtlp {
        /// The whole address.
        endpoint: Uri,
        /// The region that the signature is for.
        region: String,
    },
    /// To X-Ray's daemon, a datagram a span.
    XrayDaemon {
        /// Host and port.
        address: String,
    },
}

/// Where spans go, which are recorded, and what is said of this process with them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanConfig {
    /// Where they go.
    pub exporter: Exporter,
    /// Which are recorded.
    pub sampler: Sampler,
    /// What is said of this process, by OpenTelemetry's names.
    pub resource: Vec<(String, String)>,
    /// A PEM file of roots to trust.
    pub ca_bundle: Option<String>,
}

impl SpanConfig {
    /// Whether every span goes to the home's own store, and none elsewhere.
    pub fn is_for_home_alone(&self) -> bool {
        self.exporter == Exporter::None && self.sampler == Sampler::default()
    }

    /// Reads it by `lookup`, the environment in production, or gives back every mistake. `service` is the name where none is given.
    pub fn from_lookup(
        service: &str,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut read = Reader {
            lookup: &lookup,
            mistakes: Vec::new(),
        };
        let (exporter, sampler) = (read.exporter(), read.sampler());
        let resource = read.resource(service);
        match (exporter, sampler) {
            (Some(exporter), Some(sampler)) if read.mistakes.is_empty() => Ok(Self {
                exporter,
                sampler,
                resource,
                ca_bundle: lookup(CA_BUNDLE),
            }),
            _ => Err(read.mistakes),
        }
    }
}

struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    mistakes: Vec<ConfigError>,
}

impl Reader<'_> {
    /// OpenTelemetry takes an empty variable for one that is not set.
    fn get(&self, variable: &str) -> Option<String> {
        (self.lookup)(variable)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// Notes a mistake: there is no value.
    fn mistake<T>(
        &mut self,
        variable: &'static str,
        problem: &'static str,
        expected: &'static str,
    ) -> Option<T> {
        let mistake = ConfigError::new(variable, problem, expected);
        self.mistakes.push(mistake);
        None
    }

    fn exporter(&mut self) -> Option<Exporter> {
        let in_lambda = self.get("AWS_LAMBDA_FUNCTION_NAME").is_some();
        let has_endpoint = self.get(OTLP_ENDPOINT).is_some();
        let named = self.get(TRACE_EXPORTER);
        let name = named.as_deref().unwrap_or(match (has_endpoint, in_lambda) {
            (true, _) => "otlp",
            (false, true) => "xray-daemon",
            (false, false) => "none",
        });
        match name {
            "none" => Some(Exporter::None),
            "otlp" => self.otlp(),
            "xray-otlp" => self.xray_otlp(),
            "xray-daemon" => self.xray_daemon(),
            _ => {
                let known = "otlp, xray-otlp, xray-daemon or none";
                self.mistake(TRACE_EXPORTER, "is not known", known)
            }
        }
    }

    fn otlp(&mut self) -> Option<Exporter> {
        let headers = self.headers();
        let Some(base) = self.get(OTLP_ENDPOINT) else {
            let expected = "a collector's address, such as http://127.0.0.1:4318";
            return self.mistake(OTLP_ENDPOINT, "is not set", expected);
        };
        let Some(endpoint) = below(&base) else {
            let expected = "http:// or https://, host and port, such as http://127.0.0.1:4318";
            return self.mistake(OTLP_ENDPOINT, "is not an address", expected);
        };
        Some(Exporter::Otlp { endpoint, headers })
    }

    fn xray_otlp(&mut self) -> Option<Exporter> {
        let region = self.get("AWS_REGION");
        let Some(region) = region.or_else(|| self.get("AWS_DEFAULT_REGION")) else {
            let expected = "a region, such as us-east-1";
            return self.mistake("AWS_REGION", "is not set", expected);
        };
        let base = self.get(XRAY_ENDPOINT);
        let known = || {
            Some(format!(
                "https://xray.{region}.{}",
                region::domain(&region)?
            ))
        };
        let Some(base) = base.or_else(known) else {
            let expected = "the address of X-Ray in this region, which is not known here";
            return self.mistake(XRAY_ENDPOINT, "is not set", expected);
        };
        let Some(endpoint) = below(&base) else {
            let expected = "http:// or https://, host and port";
            return self.mistake(XRAY_ENDPOINT, "is not an address", expected);
        };
        Some(Exporter::XrayOtlp { endpoint, region })
    }

    /// `host:port`, or `tcp:host:port udp:host:port`.
    fn xray_daemon(&mut self) -> Option<Exporter> {
        let text = self.get(XRAY_DAEMON);
        let text = text.unwrap_or_else(|| "127.0.0.1:2000".to_owned());
        let mut parts = text.split_whitespace();
        let udp = parts.find_map(|part| part.strip_prefix("udp:"));
        let address = udp.unwrap_or(&text).to_owned();
        let is_good = address
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        if !is_good {
            let expected = "host:port, or tcp:host:port udp:host:port";
            return self.mistake(XRAY_DAEMON, "is not an address", expected);
        }
        Some(Exporter::XrayDaemon { address })
    }

    fn headers(&mut self) -> Vec<(HeaderName, HeaderValue)> {
        let pairs = self.pairs(OTLP_HEADERS).into_iter();
        let headers = pairs.map(|(name, value)| {
            let mut value = HeaderValue::try_from(value).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::try_from(name).ok()?, value))
        });
        let headers: Option<Vec<_>> = headers.collect();
        headers
            .or_else(|| self.mistake(OTLP_HEADERS, "holds no header", "name=value,name=value"))
            .unwrap_or_default()
    }

    fn sampler(&mut self) -> Option<Sampler> {
        let name = self.get(SAMPLER);
        let name = name.as_deref().unwrap_or("parentbased_always_on");
        let root = match name.trim_start_matches("parentbased_") {
            "always_on" => Root::On,
            "always_off" => Root::Off,
            "traceidratio" => Root::Ratio(self.share()?),
            _ => {
                let known = "always_on, always_off or traceidratio, each also as parentbased_…";
                return self.mistake(SAMPLER, "is not known", known);
            }
        };
        Some(Sampler {
            root,
            follows_parent: name.starts_with("parentbased_"),
        })
    }

    fn share(&mut self) -> Option<f64> {
        let Some(text) = self.get(SAMPLER_ARG) else {
            return Some(1.0);
        };
        let share = text.parse().ok();
        let share = share.filter(|share: &f64| (0.0..=1.0).contains(share));
        share.or_else(|| self.mistake(SAMPLER_ARG, "is not a share", "a number from 0 to 1"))
    }

    /// What an operator says of the process wins over what is known of it.
    fn resource(&mut self, service: &str) -> Vec<(String, String)> {
        let own = [
            ("service.name", service),
            ("service.version", env!("CARGO_PKG_VERSION")),
        ];
        let mut resource = own
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec();
        resource.extend(self.of_lambda());
        let name = self.get(SERVICE_NAME);
        let name = name.map(|name| ("service.name".to_owned(), name));
        for (key, value) in self.pairs(RESOURCE_ATTRIBUTES).into_iter().chain(name) {
            resource.retain(|(known, _)| *known != key);
            resource.push((key, value));
        }
        resource
    }

    /// OpenTelemetry's `faas.*` and `cloud.*`, from the variables of Lambda.
    fn of_lambda(&self) -> Vec<(String, String)> {
        let Some(name) = self.get("AWS_LAMBDA_FUNCTION_NAME") else {
            return Vec::new();
        };
        let megabytes = self.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
        let bytes = megabytes.and_then(|text| Some((text.parse::<u64>().ok()? << 20).to_string()));
        [
            ("cloud.provider", Some("aws".to_owned())),
            ("cloud.platform", Some("aws_lambda".to_owned())),
            ("cloud.region", self.get("AWS_REGION")),
            ("faas.name", Some(name)),
            ("faas.version", self.get("AWS_LAMBDA_FUNCTION_VERSION")),
            ("faas.instance", self.get("AWS_LAMBDA_LOG_STREAM_NAME")),
            ("faas.max_memory", bytes),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
    }

    /// `name=value`, separated by commas, values percent-encoded.
    fn pairs(&mut self, variable: &'static str) -> Vec<(String, String)> {
        let text = self.get(variable).unwrap_or_default();
        let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
            let name = name.trim();
            (!name.is_empty()).then(|| (name.to_owned(), value.into_owned()))
        });
        let expected = "name=value,name=value, values percent-encoded";
        pairs
            .collect::<Option<Vec<_>>>()
            .or_else(|| self.mistake(variable, "is not a list of pairs", expected))
            .unwrap_or_default()
    }
}

/// The address of spans below a collector's.
fn below(base: &str) -> Option<Uri> {
    let uri: Uri = format!("{}/v1/traces", base.trim_end_matches('/'))
        .parse()
        .ok()?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    (is_http && uri.authority().is_some()).then_some(uri)
}

#[cfg(test)]
mod tests;
