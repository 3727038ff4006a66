//! Roles: one per function, each with what it needs.

use super::Breakage::{Change, Edit};
use super::{Case, Check, edit};
use crate::view::{at, statements, texts};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Actions that know no resource.
const ANYWHERE: &str = "xray:";

/// No wildcard actions, nothing that deletes an object, a resource for every action that knows one.
pub(super) const LEAST_PRIVILEGE: Check = Check {
    promise: "a role may do what its function does, and no more",
    breaches: |case, found| {
        for (id, statement) in of_roles(case) {
            found.extend(excess(id, statement));
        }
    },
    breakages: &[
        Edit("EnrichmentRole/Policies/0/PolicyDocument/Statement/0/Action = s3:*"),
        Edit(
            r#"EnrichmentRole/Policies/0/PolicyDocument/Statement/0/Action = ["s3:GetObject", "s3:Put*"]"#,
        ),
        Edit("EnrichmentRole/Policies/0/PolicyDocument/Statement/0/Action = s3:DeleteObject"),
        Edit("EnrichmentRole/Policies/0/PolicyDocument/Statement/0/Resource = *"),
        Edit("EnrichmentRole/Policies/0/PolicyDocument/Statement/0/NotAction = s3:GetObject"),
        Edit(
            r#"EnrichmentRole/Policies/0 = {"Fn::If": ["HasSources", {"PolicyDocument": {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "x"}}}, {"Ref": "AWS::NoValue"}]}"#,
        ),
    ],
};

/// The statements of every role, with the role's id.
fn of_roles(case: &Case) -> Vec<(&str, &Value)> {
    let roles = case.template.of_type("AWS::IAM::Role");
    let of = |(id, role)| statements(role).into_iter().map(move |all| (id, all));
    roles.flat_map(of).collect()
}

fn excess(id: &str, statement: &Value) -> Vec<String> {
    let actions = texts(at(statement, "/Action"));
    let is_excess = |action: &&&str| action.contains('*') || action.starts_with("s3:Delete");
    let excess = actions.iter().filter(is_excess);
    let excess = excess.map(|action| format!("{id} may do {action}"));
    let mut found: Vec<String> = excess.collect();
    let is_anywhere = texts(at(statement, "/Resource")).contains(&"*");
    if is_anywhere && !actions.iter().all(|action| action.starts_with(ANYWHERE)) {
        found.push(format!("{id} may do {} anywhere", actions.join(", ")));
    }
    let is_inverse = |name: &&str| statement.get(name).is_some();
    if actions.is_empty() || ["NotAction", "NotResource"].iter().any(is_inverse) {
        found.push(format!(
            "{id} has a statement that does not list its actions and resources"
        ));
    }
    found
}

/// `TraceExporter=xray-otlp` sends spans to an endpoint whose roles have both.
pub(super) const INDEXED: Check = Check {
    promise: "who may send spans may have them indexed",
    breaches: |case, found| {
        for (id, statement) in of_roles(case) {
            let actions = texts(at(statement, "/Action"));
            let has = |action: &str| actions.contains(&action);
            if has("xray:PutSpans") && !has("xray:PutSpansForIndexing") {
                found.push(format!("{id} may not have its spans indexed"));
            }
        }
    },
    breakages: &[Edit(
        r#"EnrichmentRole/Policies/0/PolicyDocument/Statement/0 = {"Action": ["xray:PutSpans"]}"#,
    )],
};

/// SES would send for whoever is verified in the account; a role sends from the one address that is configured.
pub(super) const OWN_SENDER: Check = Check {
    promise: "mail goes out from the configured address alone",
    breaches: |case, found| {
        let is_sender = |(_, statement): &(&str, &Value)| {
            let actions = texts(at(statement, "/Action"));
            actions.iter().any(|action| action.starts_with("ses:"))
        };
        let senders: Vec<_> = of_roles(case).into_iter().filter(is_sender).collect();
        let own = json!({"StringEquals": {"ses:FromAddress": {"Ref": "SesFromAddress"}}});
        let is_free = |(_, statement): &&(&str, &Value)| at(statement, "/Condition") != &own;
        let free = senders.iter().filter(is_free);
        found.extend(free.map(|(id, _)| format!("{id} may send from any address")));
        if senders.is_empty() || senders.iter().any(|(id, _)| *id != "EnrichmentRole") {
            found.push("not EnrichmentRole alone may send mail".to_owned());
        }
    },
    breakages: &[
        Change(|case| change_sending(case, "/Condition")),
        Change(|case| {
            change_sending(
                case,
                r#"/Condition = {"StringLike": {"ses:FromAddress": "*"}}"#,
            );
        }),
        Change(|case| change_sending(case, "/Action = s3:GetObject")),
        Edit("SweepRole/Policies/0/PolicyDocument/Statement/0/Action = ses:SendEmail"),
    ],
};

/// Edits the statement that lets mail be sent.
fn change_sending(case: &mut Case, text: &str) {
    let place = "/Resources/EnrichmentRole/Properties/Policies/0/PolicyDocument/Statement";
    let statements = case.template.0.pointer_mut(place);
    let statements = statements.and_then(Value::as_array_mut);
    let mut statements = statements.into_iter().flatten();
    if let Some(sending) = statements.find(|s| at(s, "/Action") == "ses:SendEmail") {
        edit(sending, text);
    }
}

/// A name would need `CAPABILITY_NAMED_IAM`, and a shared role would be nobody's least.
pub(super) const ONE_EACH: Check = Check {
    promise: "every function has a role of its own, without a name",
    breaches: |case, found| {
        let roles = case.template.of_type("AWS::IAM::Role");
        let named = roles.filter(|(_, role)| !at(role, "/RoleName").is_null());
        found.extend(named.map(|(id, _)| format!("{id} has a RoleName")));
        let functions: Vec<_> = case.template.of_type("AWS::Lambda::Function").collect();
        let roles = functions
            .iter()
            .filter_map(|(_, function)| at(function, "/Role/Fn::GetAtt/0").as_str());
        let (functions, roles) = (functions.len(), roles.collect::<BTreeSet<_>>().len());
        if functions == 0 || roles != functions {
            found.push(format!("{functions} functions have {roles} roles"));
        }
    },
    breakages: &[
        Edit("SweepRole/RoleName = sweep"),
        Edit("SweepFunction/Role/Fn::GetAtt/0 = EnrichmentRole"),
    ],
};
