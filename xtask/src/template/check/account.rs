//! What an account is asked for: room, and money.

use super::Breakage::Edit;
use super::Check;
use crate::view::{at, items, number};
use serde_json::json;

/// A new account runs 10 functions at once. What enrich takes of them in a backlog, webhooks do not have.
const CONCURRENCY_OF_A_NEW_ACCOUNT: u64 = 10;

/// AWS counts the mapping of `OwnerQueue` too.
pub(super) const ROOM: Check = Check {
    promise: "in a new account a backlog leaves webhooks more than half of the concurrency",
    breaches: |case, found| {
        let mappings = case.template.of_type("AWS::Lambda::EventSourceMapping");
        let most = mappings.map(|(_, mapping)| {
            let most = at(mapping, "/ScalingConfig/MaximumConcurrency");
            let parameter = at(most, "/Ref").as_str().unwrap_or_default();
            let default = case
                .template
                .at(&format!("/Parameters/{parameter}/Default"));
            number(most).or_else(|| number(default))
        });
        let taken = most.sum::<Option<u64>>();
        if taken.is_none_or(|taken| taken * 2 >= CONCURRENCY_OF_A_NEW_ACCOUNT) {
            found.push(format!(
                "queues take {taken:?} of {CONCURRENCY_OF_A_NEW_ACCOUNT}"
            ));
        }
    },
    breakages: &[
        Edit("/Parameters/EnrichmentMaxConcurrency/Default = 10"),
        Edit("EnrichmentFunctionDelayed/ScalingConfig"),
        Edit("EnrichmentFunctionOwner/ScalingConfig/MaximumConcurrency = 5"),
    ],
};

/// Without a sources document anybody who learns the address may store and queue.
pub(super) const OPEN: Check = Check {
    promise: "a stack that takes unsigned webhooks takes few",
    breaches: |case, found| {
        let limits = [
            ("ThrottlingRateLimit", "ApiRateLimit", 5),
            ("ThrottlingBurstLimit", "ApiBurstLimit", 20),
        ];
        for (id, stage) in case.template.of_type("AWS::ApiGateway::Stage") {
            for (name, parameter, least) in limits {
                let limit = json!({"Fn::If": ["HasSources", {"Ref": parameter}, least]});
                let settings = items(at(stage, "/MethodSettings"));
                if !settings
                    .iter()
                    .all(|settings| settings.get(name) == Some(&limit))
                {
                    found.push(format!("{id} lets strangers in by {name}"));
                }
            }
        }
    },
    breakages: &[
        Edit("ApiProdStage/MethodSettings/0/ThrottlingRateLimit = 100"),
        Edit(r#"ApiProdStage/MethodSettings/0/ThrottlingBurstLimit = {"Ref": "ApiBurstLimit"}"#),
        Edit("ApiProdStage/MethodSettings/0/ThrottlingRateLimit/Fn::If/2 = 100"),
    ],
};

/// Lambda's own traces beside ours, and API Gateway's metrics by method.
pub(super) const PAID: Check = Check {
    promise: "nothing is paid for that nobody reads",
    breaches: |case, found| {
        let traced = json!({"Fn::If": ["UsesDaemon", "Active", "PassThrough"]});
        for (id, function) in case.template.of_type("AWS::Lambda::Function") {
            if at(function, "/TracingConfig/Mode") != &traced {
                found.push(format!("{id} has traces of Lambda's whatever exports ours"));
            }
        }
        let daemon = json!({"Fn::Equals": [{"Ref": "TraceExporter"}, "xray-daemon"]});
        if case.template.at("/Conditions/UsesDaemon") != &daemon {
            found.push("UsesDaemon is not about the daemon".to_owned());
        }
        for (id, stage) in case.template.of_type("AWS::ApiGateway::Stage") {
            let settings = items(at(stage, "/MethodSettings"));
            if settings
                .iter()
                .any(|settings| at(settings, "/MetricsEnabled") == true)
            {
                found.push(format!("{id} has metrics by method"));
            }
        }
    },
    breakages: &[
        Edit("SweepFunction/TracingConfig/Mode = Active"),
        Edit("SweepFunction/TracingConfig"),
        Edit(r#"/Conditions/UsesDaemon = {"Fn::Equals": [{"Ref": "TraceExporter"}, "none"]}"#),
        Edit("ApiProdStage/MethodSettings/0/MetricsEnabled = true"),
    ],
};
