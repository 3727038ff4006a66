//! Roles: one per function, each with what it needs.

use super::{Case, Check, function};
use crate::template::view::{at, statements, texts};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Actions that know no resource.
const ANYWHERE: &str = "xray:";
const STATEMENT: &str =
    "/Resources/EnrichmentRole/Properties/Policies/0/PolicyDocument/Statement/0";
const STATEMENTS: &str = "/Resources/EnrichmentRole/Properties/Policies/0/PolicyDocument/Statement";

/// No wildcard actions, nothing that deletes an object, a resource for every action that knows one.
pub(super) const LEAST_PRIVILEGE: Check = Check {
    promise: "a role may do what its function does, and no more",
    breaches: |case| {
        let roles = case.template.of_type("AWS::IAM::Role");
        roles
            .flat_map(|(id, role)| {
                statements(role)
                    .into_iter()
                    .flat_map(move |s| excess(id, s))
            })
            .collect()
    },
    breakages: &[
        |case| case.set(&format!("{STATEMENT}/Action"), "s3:*"),
        |case| {
            case.set(
                &format!("{STATEMENT}/Action"),
                json!(["s3:GetObject", "s3:Put*"]),
            );
        },
        |case| case.set(&format!("{STATEMENT}/Action"), "s3:DeleteObject"),
        |case| case.set(&format!("{STATEMENT}/Resource"), "*"),
        |case| {
            case.add(
                "/Resources/EnrichmentRole/Properties/Policies/0/PolicyDocument/Statement/0",
                "NotAction",
                "s3:GetObject",
            );
        },
        |case| {
            let behind = json!({"Fn::If": ["HasSources", {"PolicyDocument": {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "x"}}}, {"Ref": "AWS::NoValue"}]});
            case.set("/Resources/EnrichmentRole/Properties/Policies/0", behind);
        },
    ],
};

fn excess(id: &str, statement: &Value) -> Vec<String> {
    let actions = texts(at(statement, "/Action"));
    let mut found: Vec<_> = actions
        .iter()
        .filter(|action| action.contains('*'))
        .map(|action| format!("{id} may do {action}"))
        .collect();
    found.extend(
        actions
            .iter()
            .filter(|action| action.starts_with("s3:Delete"))
            .map(|action| format!("{id} may do {action}")),
    );
    if texts(at(statement, "/Resource")).contains(&"*")
        && !actions.iter().all(|action| action.starts_with(ANYWHERE))
    {
        found.push(format!("{id} may do {} anywhere", actions.join(", ")));
    }
    if actions.is_empty()
        || !at(statement, "/NotAction").is_null()
        || !at(statement, "/NotResource").is_null()
    {
        found.push(format!(
            "{id} has a statement that does not list its actions and resources"
        ));
    }
    found
}

/// SES would send for whoever is verified in the account; a role sends from the one address that is configured.
pub(super) const OWN_SENDER: Check = Check {
    promise: "mail goes out from the configured address alone",
    breaches: |case| {
        let roles = case.template.of_type("AWS::IAM::Role");
        let senders = roles.flat_map(|(id, role)| {
            let of_ses = |statement: &&Value| {
                let actions = texts(at(statement, "/Action"));
                actions.iter().any(|action| action.starts_with("ses:"))
            };
            let statements = statements(role).into_iter().filter(of_ses);
            statements.map(move |statement| (id, statement))
        });
        let senders: Vec<_> = senders.collect();
        let own = json!({"StringEquals": {"ses:FromAddress": {"Ref": "SesFromAddress"}}});
        let free = senders
            .iter()
            .filter(|(_, statement)| at(statement, "/Condition") != &own);
        let mut found: Vec<_> = free
            .map(|(id, _)| format!("{id} may send from any address"))
            .collect();
        if senders.iter().any(|(id, _)| *id != "EnrichmentRole") || senders.is_empty() {
            found.push("not EnrichmentRole alone may send mail".to_owned());
        }
        found
    },
    breakages: &[
        |case| {
            change_sending(case, "Condition", &Value::Null);
        },
        |case| {
            let any = json!({"StringLike": {"ses:FromAddress": "*"}});
            change_sending(case, "Condition", &any);
        },
        |case| {
            change_sending(case, "Action", &json!("s3:GetObject"));
        },
        |case| {
            let other = "/Resources/SweepRole/Properties/Policies/0/PolicyDocument/Statement/0";
            case.set(&format!("{other}/Action"), "ses:SendEmail");
        },
    ],
};

/// Changes a member of the statement that lets mail be sent.
fn change_sending(case: &mut Case, member: &str, value: &Value) {
    let statements = case.template.0.pointer_mut(STATEMENTS);
    let statements = statements.and_then(Value::as_array_mut);
    for statement in statements.into_iter().flatten() {
        if at(statement, "/Action") == "ses:SendEmail"
            && let Some(members) = statement.as_object_mut()
        {
            members.insert(member.to_owned(), value.clone());
        }
    }
}

/// A name would need `CAPABILITY_NAMED_IAM`, and a shared role would be nobody's least.
pub(super) const ONE_EACH: Check = Check {
    promise: "every function has a role of its own, without a name",
    breaches: |case| {
        let named = case
            .template
            .of_type("AWS::IAM::Role")
            .filter(|(_, role)| !at(role, "/RoleName").is_null());
        let mut found: Vec<_> = named
            .map(|(id, _)| format!("{id} has a RoleName"))
            .collect();
        let functions: Vec<_> = case.template.of_type("AWS::Lambda::Function").collect();
        let roles: BTreeSet<_> = functions
            .iter()
            .filter_map(|(_, function)| function::role_of(function))
            .collect();
        if functions.is_empty() || roles.len() != functions.len() {
            found.push(format!(
                "{} functions have {} roles",
                functions.len(),
                roles.len()
            ));
        }
        found
    },
    breakages: &[
        |case: &mut Case| case.add("/Resources/SweepRole/Properties", "RoleName", "sweep"),
        |case| {
            case.set(
                "/Resources/SweepFunction/Properties/Role/Fn::GetAtt/0",
                "EnrichmentRole",
            );
        },
    ],
};
