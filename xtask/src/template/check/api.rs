//! The API, and the names that others rely on.

use super::{Case, Check};
use crate::template::view::{at, items, refers, texts};
use leadwire_domain::problem::Problem;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const API: &str = "/Resources/Api/Properties";
const STAGE: &str = "/Resources/ApiProdStage/Properties";
const RESPONSES: &str = "/Resources/Api/Properties/Body/x-amazon-apigateway-gateway-responses";
/// Answers that API Gateway gives by itself sooner or later.
const OWN_ANSWERS: [&str; 6] = [
    "DEFAULT_4XX",
    "DEFAULT_5XX",
    "INTEGRATION_FAILURE",
    "MISSING_AUTHENTICATION_TOKEN",
    "REQUEST_TOO_LARGE",
    "THROTTLED",
];

/// The bytes arrive as they were signed, and every answer is a problem document with a code of ours.
pub(super) const WHOLE: Check = Check {
    promise: "the API hands on bytes, every method, and answers in our words",
    breaches: |case| {
        let api = case.template.properties("Api");
        let mut found = Vec::new();
        if texts(at(api, "/BinaryMediaTypes")) != ["*~1*"] {
            found.push("bodies are mangled as text".to_owned());
        }
        for path in ["/ingest", "/ingest/{source}"] {
            let any = at(api, "/Body/paths")
                .get(path)
                .and_then(|methods| methods.get("x-amazon-apigateway-any-method"));
            let proxied = any
                .and_then(|any| any.get("x-amazon-apigateway-integration"))
                .filter(|i| at(i, "/type") == "aws_proxy");
            if !proxied.is_some_and(|i| refers(i, "IngestionFunction")) {
                found.push(format!(
                    "not every method of {path} reaches IngestionFunction"
                ));
            }
        }
        let stages: Vec<_> = case
            .template
            .of_type("AWS::ApiGateway::Stage")
            .map(|(_, stage)| stage)
            .collect();
        if stages.len() != 1 || !stages.iter().all(|stage| at(stage, "/StageName") == "Prod") {
            found.push("there is not the one stage Prod".to_owned());
        }
        if !stages.iter().all(|stage| is_throttled(stage)) {
            found.push("requests are not throttled".to_owned());
        }
        let responses = at(api, "/Body/x-amazon-apigateway-gateway-responses");
        for name in OWN_ANSWERS {
            if responses.get(name).is_none() {
                found.push(format!("{name} is answered in API Gateway's words"));
            }
        }
        let all = responses.as_object().into_iter().flatten();
        found.extend(
            all.filter(|(_, response)| !is_problem(response))
                .map(|(name, _)| format!("{name} is no problem document")),
        );
        found
    },
    breakages: &[
        |case| case.remove(API, "BinaryMediaTypes"),
        |case| case.remove(STAGE, "MethodSettings"),
        |case| {
            case.set(
                &format!("{STAGE}/MethodSettings"),
                json!([{"ThrottlingRateLimit": 100}]),
            );
        },
        |case| case.set(&format!("{STAGE}/MethodSettings/0/ThrottlingRateLimit"), -1),
        |case| {
            case.set(
                &format!("{STAGE}/MethodSettings/0/ResourcePath"),
                "/~1ingest",
            );
        },
        |case| case.remove(&format!("{API}/Body/paths"), "/ingest/{source}"),
        |case| case.set(&format!("{API}/Body/paths/~1ingest"), json!({"post": {}})),
        |case| case.set(&format!("{RESPONSES}/THROTTLED/statusCode"), "503"),
        |case| case.remove(RESPONSES, "DEFAULT_5XX"),
        |case| case.remove(&format!("{RESPONSES}/DEFAULT_4XX"), "responseParameters"),
        |case| {
            case.remove(
                &format!("{RESPONSES}/DEFAULT_5XX/responseParameters"),
                "gatewayresponse.header.Retry-After",
            );
        },
        |case| {
            let other = json!({"application/json": r#"{"code":"something_else"}"#});
            case.set(
                &format!("{RESPONSES}/REQUEST_TOO_LARGE/responseTemplates"),
                other,
            );
        },
    ],
};

/// Whether every method of every path has a limit of rate and one of burst. API Gateway takes -1 for none.
fn is_throttled(stage: &Value) -> bool {
    let limit = |settings: &Value, name: &str| {
        let value = at(settings, name);
        !value.is_null() && value.as_i64().is_none_or(|limit| limit > 0)
    };
    items(at(stage, "/MethodSettings"))
        .into_iter()
        .any(|settings| {
            at(settings, "/ResourcePath") == "/*"
                && at(settings, "/HttpMethod") == "*"
                && limit(settings, "/ThrottlingRateLimit")
                && limit(settings, "/ThrottlingBurstLimit")
        })
}

/// Whether a response is a problem document whose code is ours, has that code's status, and says when to come back.
fn is_problem(response: &Value) -> bool {
    let header = |name: &str| {
        at(response, "/responseParameters").get(format!("gatewayresponse.header.{name}"))
    };
    let typed =
        header("Content-Type").and_then(Value::as_str) == Some("'application/problem+json'");
    let body = at(response, "/responseTemplates")
        .get("application/json")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let Some(problem) = Problem::ALL
        .iter()
        .find(|problem| at(&body, "/code") == problem.code())
    else {
        return false;
    };
    let status = at(response, "/statusCode").as_str();
    let agreed = status.is_none_or(|status| {
        status == problem.status().to_string() && at(&body, "/status") == problem.status()
    });
    let comes_back =
        !["429", "503"].iter().any(|s| Some(*s) == status) || header("Retry-After").is_some();
    typed && agreed && comes_back
}

const OUTPUTS: [&str; 8] = [
    "AlarmTopicArn",
    "ApiUrl",
    "DashboardUrl",
    "DeadLetterQueueUrl",
    "DelayQueueUrl",
    "EnrichedBucketName",
    "LookupBucketName",
    "RawBucketName",
];
const PARAMETERS: [&str; 8] = [
    "Architecture",
    "DelaySeconds",
    "Environment",
    "ExistingLookupBucket",
    "PagerEndpoint",
    "SesFromAddress",
    "SesToAddress",
    "SourcesSecretArn",
];
const RESOURCES: [&str; 10] = [
    "AlarmTopic",
    "DeadLetterQueue",
    "DelayQueue",
    "EnrichedBucket",
    "EnrichmentFunction",
    "IngestionFunction",
    "LookupBucket",
    "RawBucket",
    "SweepFunction",
    "TicketTopic",
];

/// docs/PROTOCOL.md, Stack.
pub(super) const PROMISED_NAMES: Check = Check {
    promise: "names and rules are those of the contract",
    breaches: |case| {
        let mut found = missing(case, "Outputs", &OUTPUTS);
        found.extend(missing(case, "Parameters", &PARAMETERS));
        found.extend(missing(case, "Resources", &RESOURCES));
        if at(case.template.section("Parameters"), "/Architecture/Default") != "arm64" {
            found.push("Architecture is not arm64 by default".to_owned());
        }
        if !case
            .template
            .section("Rules")
            .as_object()
            .is_some_and(|rules| rules.values().any(demands_secrets_of_prod))
        {
            found.push("a prod stack without SourcesSecretArn is let in".to_owned());
        }
        found
    },
    breakages: &[
        |case| case.remove("/Outputs", "ApiUrl"),
        |case| case.remove("/Parameters", "PagerEndpoint"),
        |case| case.remove("/Resources", "TicketTopic"),
        |case| case.set("/Parameters/Architecture/Default", "x86_64"),
        |case| case.set("/Rules", json!({})),
        |case| case.set("/Rules/ProdIsSigned/Assertions", json!([])),
    ],
};

fn missing(case: &Case, section: &str, names: &[&str]) -> Vec<String> {
    let there: BTreeSet<_> = case
        .template
        .section(section)
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    names
        .iter()
        .filter(|name| !there.contains(**name))
        .map(|name| format!("{name} is missing in {section}"))
        .collect()
}

fn demands_secrets_of_prod(rule: &Value) -> bool {
    let given = json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "SourcesSecretArn"}, ""]}]});
    at(rule, "/RuleCondition") == &json!({"Fn::Equals": [{"Ref": "Environment"}, "prod"]})
        && items(at(rule, "/Assertions"))
            .into_iter()
            .any(|assertion| at(assertion, "/Assert") == &given)
}
