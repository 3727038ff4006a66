//! What a function is told by its environment.

use crate::Clients;

const LAMBDA: [(&str, &str); 1] = [("AWS_DEFAULT_REGION", "eu-west-1")];

fn of(variables: &[(&str, &str)], name: &str) -> Option<String> {
    let mut all = variables.iter();
    all.find_map(|(known, value)| (*known == name).then(|| (*value).to_owned()))
}

#[test]
fn an_endpoint_of_one_service_goes_before_that_of_all() {
    fn lookup(name: &str) -> Option<String> {
        let own = [
            ("AWS_ENDPOINT_URL", "http://all"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://secrets"),
        ];
        of(&LAMBDA, name).or_else(|| of(&own, name))
    }
    let clients = Clients::of_function(lookup).unwrap();
    let endpoint = |service| clients.endpoint(service);
    assert_eq!(
        endpoint("Secrets Manager").as_deref(),
        Some("http://secrets")
    );
    assert_eq!(endpoint("S3").as_deref(), Some("http://all"));
    assert_eq!(clients.sdk().endpoint_url(), Some("http://all"));
}

#[test]
fn endpoints_are_ignored_where_the_environment_says_so() {
    fn lookup(name: &str) -> Option<String> {
        let own = [
            ("AWS_ENDPOINT_URL_S3", "http://s3"),
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE"),
            ("AWS_USE_FIPS_ENDPOINT", "true"),
        ];
        of(&LAMBDA, name).or_else(|| of(&own, name))
    }
    let clients = Clients::of_function(lookup).unwrap();
    assert_eq!(clients.endpoint("S3"), None);
    assert_eq!(clients.sdk().use_fips(), Some(true));
    assert_eq!(clients.sdk().use_dual_stack(), None);
}

#[test]
fn without_a_region_there_are_no_clients_and_the_error_names_the_variable() {
    let error = Clients::of_function(|_| None).unwrap_err();
    assert_eq!(error.variable(), "AWS_REGION");
    let clients = Clients::of_function(|name| of(&LAMBDA, name)).unwrap();
    let region = clients.sdk().region().map(ToString::to_string);
    assert_eq!(region.as_deref(), Some("eu-west-1"));
}
