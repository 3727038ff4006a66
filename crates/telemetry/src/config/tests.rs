use super::*;

fn read(variables: &[(&str, &str)]) -> Result<SpanConfig, Vec<ConfigError>> {
    SpanConfig::from_lookup("leadwire-enrich", |name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

const LAMBDA: (&str, &str) = ("AWS_LAMBDA_FUNCTION_NAME", "stack-Enrichment");
const ENDPOINT: (&str, &str) = (OTLP_ENDPOINT, "http://127.0.0.1:4318/");

#[track_caller]
fn check(variables: &[(&str, &str)], expected: &Exporter) {
    assert_eq!(&read(variables).unwrap().exporter, expected);
}

#[test]
fn spans_go_to_a_collector_where_one_is_named_and_else_to_x_rays_daemon_in_lambda() {
    let otlp = Exporter::Otlp {
        endpoint: Uri::from_static("http://127.0.0.1:4318/v1/traces"),
        headers: Vec::new(),
    };
    let daemon = Exporter::XrayDaemon {
        address: "169.254.79.129:2000".to_owned(),
    };
    let address = (
        XRAY_DAEMON,
        "tcp:169.254.79.129:2000 udp:169.254.79.129:2000",
    );
    let signed = Exporter::XrayOtlp {
        endpoint: Uri::from_static("https://xray.eu-west-1.amazonaws.com/v1/traces"),
        region: "eu-west-1".to_owned(),
    };
    let named = |name| (TRACE_EXPORTER, name);
    let region = ("AWS_REGION", "eu-west-1");
    check(&[], &Exporter::None);
    check(&[ENDPOINT], &otlp);
    check(&[LAMBDA, ENDPOINT, address], &otlp);
    check(&[LAMBDA, address], &daemon);
    check(&[LAMBDA, named("none")], &Exporter::None);
    check(&[LAMBDA, ENDPOINT, address, named("xray-daemon")], &daemon);
    check(&[named("xray-otlp"), region], &signed);
}

/// The variables that are found wrong.
fn wrong(variables: &[(&str, &str)]) -> Vec<&'static str> {
    let mistakes = read(variables).unwrap_err();
    assert!(!format!("{mistakes:?}").contains("secret-key"));
    mistakes.iter().map(|mistake| mistake.name).collect()
}

#[test]
fn every_mistake_is_reported_in_one_go_and_no_value_is_shown() {
    let all = wrong(&[
        (TRACE_EXPORTER, "otlp"),
        (OTLP_ENDPOINT, "collector"),
        (OTLP_HEADERS, "secret-key"),
        (SAMPLER, "some"),
        (RESOURCE_ATTRIBUTES, "=x"),
    ]);
    let expected = [OTLP_HEADERS, OTLP_ENDPOINT, SAMPLER, RESOURCE_ATTRIBUTES];
    assert_eq!(all, expected);
    assert_eq!(wrong(&[(TRACE_EXPORTER, "jaeger")]), [TRACE_EXPORTER]);
    let share = [(SAMPLER, "traceidratio"), (SAMPLER_ARG, "2")];
    assert_eq!(wrong(&share), [SAMPLER_ARG]);
}

#[test]
fn headers_are_decoded_and_never_printed() {
    let headers = (OTLP_HEADERS, "api-key=s%20ecret, x-team = leads");
    let config = read(&[ENDPOINT, headers]).unwrap();
    assert!(!format!("{config:?}").contains("s ecret"));
    let Exporter::Otlp { headers, .. } = config.exporter else {
        panic!("{config:?}")
    };
    let values: Vec<_> = headers.iter().map(|(_, value)| value.as_bytes()).collect();
    assert_eq!(values, [b"s ecret".as_slice(), b"leads"]);
}

#[test]
fn samplers_are_opentelemetrys() {
    for (name, root, follows_parent) in [
        ("", Root::On, true),
        ("always_on", Root::On, false),
        ("always_off", Root::Off, false),
        ("parentbased_always_off", Root::Off, true),
        ("parentbased_traceidratio", Root::Ratio(0.25), true),
    ] {
        let config = read(&[(SAMPLER, name), (SAMPLER_ARG, "0.25")]).unwrap();
        let expected = Sampler {
            root,
            follows_parent,
        };
        assert_eq!(config.sampler, expected, "{name}");
    }
}

#[test]
fn what_an_operator_says_of_the_process_wins() {
    let resource = read(&[
        LAMBDA,
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        (SERVICE_NAME, "leads"),
        (RESOURCE_ATTRIBUTES, "service.name=other,team=sales%2Cwest"),
    ])
    .unwrap()
    .resource;
    for (key, expected) in [
        ("service.name", "leads"),
        ("team", "sales,west"),
        ("faas.max_memory", "536870912"),
    ] {
        let mut all = resource.iter().filter(|(known, _)| known == key);
        let value = all.next().map(|(_, value)| value.as_str());
        assert_eq!((value, all.count()), (Some(expected), 0), "{key}");
    }
}
