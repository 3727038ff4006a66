//! The API, and the names that others rely on.

use super::Breakage::Edit;
use super::Check;
use crate::view::{at, items, refers, texts};
use leadwire_domain::problem::Problem;
use serde_json::{Value, json};

/// Answers that API Gateway gives by itself sooner or later.
const OWN_ANSWERS: &str = "DEFAULT_4XX DEFAULT_5XX INTEGRATION_FAILURE MISSING_AUTHENTICATION_TOKEN \
    REQUEST_TOO_LARGE THROTTLED";

/// The bytes arrive as they were signed, and every answer is a problem document with a code of ours.
pub(super) const WHOLE: Check = Check {
    promise: "the API hands on bytes, every method, and answers in our words",
    breaches: |case, found| {
        let api = case.template.properties("Api");
        if texts(at(api, "/BinaryMediaTypes")) != ["*~1*"] {
            found.push("bodies are mangled as text".to_owned());
        }
        for path in ["/ingest", "/ingest/{source}"] {
            let place = format!("/Body/paths/{}", path.replace('/', "~1"));
            let any = at(at(api, &place), "/x-amazon-apigateway-any-method");
            let integration = at(any, "/x-amazon-apigateway-integration");
            let is_proxied = at(integration, "/type") == "aws_proxy";
            if !is_proxied || !refers(integration, "IngestionFunction") {
                found.push(format!(
                    "not every method of {path} reaches IngestionFunction"
                ));
            }
        }
        let stages: Vec<_> = case.template.of_type("AWS::ApiGateway::Stage").collect();
        let is_prod = |(_, stage): &(&str, &Value)| at(stage, "/StageName") == "Prod";
        if stages.len() != 1 || !stages.iter().all(is_prod) {
            found.push("there is not the one stage Prod".to_owned());
        }
        if !stages.iter().all(|(_, stage)| is_throttled(stage)) {
            found.push("requests are not throttled".to_owned());
        }
        let responses = at(api, "/Body/x-amazon-apigateway-gateway-responses");
        let names = OWN_ANSWERS.split(' ');
        let foreign = names.filter(|name| responses.get(name).is_none());
        found.extend(foreign.map(|name| format!("{name} is answered in API Gateway's words")));
        let all = responses.as_object().into_iter().flatten();
        let wrong = all.filter(|(_, response)| !is_problem(response));
        found.extend(wrong.map(|(name, _)| format!("{name} is no problem document")));
    },
    breakages: &[
        Edit("Api/BinaryMediaTypes"),
        Edit("ApiProdStage/MethodSettings"),
        Edit(r#"ApiProdStage/MethodSettings = [{"ThrottlingRateLimit": 100}]"#),
        Edit("ApiProdStage/MethodSettings/0/ThrottlingRateLimit = -1"),
        Edit("ApiProdStage/MethodSettings/0/ResourcePath = /~1ingest"),
        Edit("Api/Body/paths/~1ingest~1{source}"),
        Edit(r#"Api/Body/paths/~1ingest = {"post": {}}"#),
        Edit(r#"Api/Body/x-amazon-apigateway-gateway-responses/THROTTLED/statusCode = "503""#),
        Edit("Api/Body/x-amazon-apigateway-gateway-responses/DEFAULT_5XX"),
        Edit("Api/Body/x-amazon-apigateway-gateway-responses/DEFAULT_4XX/responseParameters"),
        Edit(
            "Api/Body/x-amazon-apigateway-gateway-responses/DEFAULT_5XX/responseParameters/gatewayresponse.header.Retry-After",
        ),
        Edit(
            r#"Api/Body/x-amazon-apigateway-gateway-responses/REQUEST_TOO_LARGE/responseTemplates = {"application/json": "{\"code\":\"something_else\"}"}"#,
        ),
    ],
};

/// Whether every method of every path has a limit of rate and one of burst. API Gateway takes -1 for none.
fn is_throttled(stage: &Value) -> bool {
    let is_limited = |settings: &Value, name: &str| {
        let value = at(settings, name);
        !value.is_null() && value.as_i64().is_none_or(|limit| limit > 0)
    };
    items(at(stage, "/MethodSettings"))
        .into_iter()
        .any(|settings| {
            at(settings, "/ResourcePath") == "/*"
                && at(settings, "/HttpMethod") == "*"
                && is_limited(settings, "/ThrottlingRateLimit")
                && is_limited(settings, "/ThrottlingBurstLimit")
        })
}

/// Whether a response is a problem document whose code is ours, has that code's status, and says when to come back.
fn is_problem(response: &Value) -> bool {
    let headers = at(response, "/responseParameters");
    let header = |name: &str| at(headers, &format!("/gatewayresponse.header.{name}"));
    let body = at(response, "/responseTemplates/application~1json").as_str();
    let body: Value = serde_json::from_str(body.unwrap_or_default()).unwrap_or_default();
    let mut problems = Problem::ALL.iter();
    let Some(problem) = problems.find(|problem| at(&body, "/code") == problem.code()) else {
        return false;
    };
    let status = at(response, "/statusCode").as_str();
    let is_its_status = status.is_none_or(|status| {
        status == problem.status().to_string() && at(&body, "/status") == problem.status()
    });
    header("Content-Type") == "'application/problem+json'"
        && is_its_status
        && (!matches!(status, Some("429" | "503")) || !header("Retry-After").is_null())
}

/// What others rely on, by the sections of the template.
const PROMISED: [(&str, &str); 3] = [
    (
        "Outputs",
        "AlarmTopicArn ApiUrl CanarySecretArn DashboardUrl DeadLetterQueueUrl DelayQueueUrl EnrichedBucketName \
            LeadsDashboardUrl LookupBucketName RawBucketName TicketTopicArn",
    ),
    (
        "Parameters",
        "Architecture DelaySeconds Environment ExistingEnrichedBucket ExistingLookupBucket ExistingRawBucket \
            PagerEndpoint SesFromAddress SesToAddress SourcesSecretArn SweepMinutes TicketEmail",
    ),
    (
        "Resources",
        "AlarmTopic DeadLetterQueue DelayQueue EnrichedBucket EnrichmentFunction IngestionFunction LookupBucket \
            OwnerQueue RawBucket SweepFunction TicketTopic",
    ),
];

/// docs/PROTOCOL.md, Stack.
pub(super) const PROMISED_NAMES: Check = Check {
    promise: "names and rules are those of the contract",
    breaches: |case, found| {
        for (section, names) in PROMISED {
            let there = case.template.section(section);
            let missing = names.split(' ').filter(|name| there.get(name).is_none());
            found.extend(missing.map(|name| format!("{name} is missing in {section}")));
        }
        if case.template.at("/Parameters/Architecture/Default") != "arm64" {
            found.push("Architecture is not arm64 by default".to_owned());
        }
        let mut rules = case.template.members("Rules");
        if !rules.any(|(_, rule)| demands_secrets_of_prod(rule)) {
            found.push("a prod stack without SourcesSecretArn is let in".to_owned());
        }
    },
    breakages: &[
        Edit("/Outputs/ApiUrl"),
        Edit("/Parameters/PagerEndpoint"),
        Edit("/Resources/TicketTopic"),
        Edit("/Parameters/Architecture/Default = x86_64"),
        Edit("/Rules = {}"),
        Edit("/Rules/ProdIsSigned/Assertions = []"),
    ],
};

/// What SAM writes for the partition that it is in; here that is the commercial one.
const BY_SAM: [&str; 2] = ["AWS::ApiGateway::RestApi", "AWS::Lambda::Permission"];

/// A dashboard's address that leads nowhere, or a secret's ARN by half, is noticed late.
pub(super) const ADDRESSES: Check = Check {
    promise: "addresses are of the stack's own partition, and an ARN is whole",
    breaches: |case, found| {
        let hosts = json!({"Console": {"Fn::If": ["IsGovCloud", "console.amazonaws-us-gov.com", "console.aws.amazon.com"]}});
        for name in ["DashboardUrl", "LeadsDashboardUrl"] {
            let address = case.template.at(&format!("/Outputs/{name}/Value/Fn::Sub"));
            let text = at(address, "/0").as_str().unwrap_or_default();
            if !text.starts_with("https://${Console}/") || at(address, "/1") != &hosts {
                found.push(format!("{name} is in no console but one"));
            }
        }
        for (id, resource) in case.template.members("Resources") {
            let is_of_sam = BY_SAM.iter().any(|kind| at(resource, "/Type") == kind);
            if !is_of_sam && resource.to_string().contains("\"arn:aws:") {
                found.push(format!("{id} has an ARN of the commercial partition"));
            }
        }
        let pattern = case
            .template
            .at("/Parameters/SourcesSecretArn/AllowedPattern");
        if !pattern
            .as_str()
            .is_some_and(|pattern| pattern.contains("-[A-Za-z0-9]{6}"))
        {
            found.push("SourcesSecretArn takes half an ARN, which no right would match".to_owned());
        }
    },
    breakages: &[
        Edit("/Outputs/DashboardUrl/Value = https://console.aws.amazon.com/"),
        Edit("/Outputs/LeadsDashboardUrl/Value/Fn::Sub/1/Console = console.aws.amazon.com"),
        Edit("SweepRole/ManagedPolicyArns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]"),
        Edit("/Parameters/SourcesSecretArn/AllowedPattern = ^arn:.+$"),
    ],
};

fn demands_secrets_of_prod(rule: &Value) -> bool {
    let given = json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "SourcesSecretArn"}, ""]}]});
    at(rule, "/RuleCondition") == &json!({"Fn::Equals": [{"Ref": "Environment"}, "prod"]})
        && items(at(rule, "/Assertions"))
            .into_iter()
            .any(|assertion| at(assertion, "/Assert") == &given)
}
