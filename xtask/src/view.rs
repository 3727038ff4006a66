//! Reading an expanded template, and other JSON.

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeSet;

static NOTHING: Value = Value::Null;

/// An expanded template. What is absent reads as `null`.
#[derive(Clone, Debug)]
pub(crate) struct Template(pub(crate) Value);

impl Template {
    /// Reads the expanded JSON.
    pub(crate) fn parse(json: &str) -> Result<Self> {
        serde_json::from_str(json)
            .map(Self)
            .context("the expanded template")
    }

    /// The value at a path, or `null`.
    pub(crate) fn at(&self, path: &str) -> &Value {
        at(&self.0, &pointer(path))
    }

    /// A section of the template.
    pub(crate) fn section(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&NOTHING)
    }

    /// A resource.
    pub(crate) fn resource(&self, id: &str) -> &Value {
        self.section("Resources").get(id).unwrap_or(&NOTHING)
    }

    /// The properties of a resource.
    pub(crate) fn properties(&self, id: &str) -> &Value {
        at(self.resource(id), "/Properties")
    }

    /// Names and values of a section.
    pub(crate) fn members(&self, section: &str) -> impl Iterator<Item = (&str, &Value)> {
        let members = self.section(section).as_object().into_iter().flatten();
        members.map(|(name, value)| (name.as_str(), value))
    }

    /// Ids and properties of all resources of a type.
    pub(crate) fn of_type<'a>(
        &'a self,
        kind: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let resources = self.members("Resources");
        let wanted = resources.filter(move |(_, resource)| at(resource, "/Type") == kind);
        wanted.map(|(id, resource)| (id, at(resource, "/Properties")))
    }

    /// The environment variables of a function.
    pub(crate) fn environment(&self, function: &str) -> &Value {
        self.at(&format!("{function}/Environment/Variables"))
    }
}

/// The JSON pointer of a path in a template: one that begins with a resource goes on in its properties.
pub(crate) fn pointer(path: &str) -> String {
    match path.split_once('/') {
        Some((id, rest)) if !id.is_empty() => format!("/Resources/{id}/Properties/{rest}"),
        _ => path.to_owned(),
    }
}

/// The value at a JSON pointer, or `null`.
pub(crate) fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&NOTHING)
}

/// A number, written as such or as text.
pub(crate) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// One value or a list of them.
pub(crate) fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(list) => list.iter().collect(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => vec![value],
    }
}

/// One text or a list of them.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    items(value).into_iter().filter_map(Value::as_str).collect()
}

/// The parameters and resources that a value refers to anywhere in it, by `Ref`, `Fn::GetAtt` or `Fn::Sub`.
pub(crate) fn references(value: &Value) -> BTreeSet<&str> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, inner)| match key.as_str() {
                "Ref" => inner.as_str().into_iter().collect(),
                "Fn::GetAtt" => {
                    let resource = texts(inner).first().and_then(|path| path.split('.').next());
                    resource.into_iter().collect()
                }
                _ => references(inner),
            })
            .collect(),
        Value::Array(list) => list.iter().flat_map(references).collect(),
        Value::String(text) => {
            let names = text.split("${").skip(1);
            names
                .filter_map(|rest| rest.split(['}', '.']).next())
                .collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => BTreeSet::new(),
    }
}

/// Whether a value refers to a resource or a parameter.
pub(crate) fn refers(value: &Value, id: &str) -> bool {
    references(value).contains(id)
}

/// The statements of a policy.
pub(crate) fn statements_of(policy: &Value) -> Vec<&Value> {
    items(at(policy, "/PolicyDocument/Statement"))
}

/// The statements of every policy in a role, those behind a condition too.
pub(crate) fn statements(role: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    collect(at(role, "/Policies"), &mut found);
    found
}

fn collect<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    if let Some(statements) = value.get("Statement") {
        found.extend(items(statements));
    } else if let Some(members) = value.as_object() {
        for value in members.values() {
            collect(value, found);
        }
    } else {
        for value in value.as_array().into_iter().flatten() {
            collect(value, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_reference_is_found_in_every_form() {
        assert!(refers(&json!({"Fn::If": ["C", {"Ref": "Topic"}]}), "Topic"));
        assert!(refers(&json!({"Fn::GetAtt": ["Topic", "Arn"]}), "Topic"));
        assert!(refers(&json!({"Fn::Sub": "${Topic.Arn}/*"}), "Topic"));
        assert!(!refers(
            &json!({"Fn::Sub": "${TopicTwo}", "Ref": "TopicTwo"}),
            "Topic"
        ));
    }

    #[test]
    fn statements_behind_a_condition_are_found() {
        let policy = |action| json!({"PolicyDocument": {"Statement": [{"Action": action}]}});
        let role = json!({"Policies": [policy("a:A"), {"Fn::If": ["C", policy("b:B"), {"Ref": "AWS::NoValue"}]}]});
        assert_eq!(statements(&role).len(), 2);
    }
}
