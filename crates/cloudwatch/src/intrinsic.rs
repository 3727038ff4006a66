//! `CloudFormation`'s functions in the properties of an alarm, resolved by a caller that knows the stack.

use serde_json::Value;
use std::collections::BTreeMap;

/// What a stack says to the names in its template.
pub trait Resolve {
    /// What `Ref` gives: a parameter's value or a resource's own reference.
    fn reference(&self, name: &str) -> Option<String>;

    /// What `Fn::GetAtt` gives.
    fn attribute(&self, resource: &str, attribute: &str) -> Option<String>;

    /// Whether a condition holds.
    fn condition(&self, name: &str) -> Option<bool>;

    /// What `Fn::FindInMap` gives.
    fn mapped(&self, map: &str, key: &str, second: &str) -> Option<String>;
}

/// Names and what they are, for a stack that is not there. A resource that is not listed is known by its logical id.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Parameters and pseudo parameters.
    pub references: BTreeMap<String, String>,
    /// Conditions that do not hold; every other one does.
    pub unmet: Vec<String>,
    /// The section `Mappings` of the template.
    pub mappings: Value,
}

impl Resolve for Names {
    fn reference(&self, name: &str) -> Option<String> {
        let known = self.references.get(name).cloned();
        known.or_else(|| (!name.contains("::")).then(|| name.to_owned()))
    }

    fn attribute(&self, resource: &str, attribute: &str) -> Option<String> {
        Some(format!("{resource}.{attribute}"))
    }

    fn condition(&self, name: &str) -> Option<bool> {
        Some(!self.unmet.iter().any(|unmet| unmet == name))
    }

    fn mapped(&self, map: &str, key: &str, second: &str) -> Option<String> {
        plain(self.mappings.get(map)?.get(key)?.get(second)?)
    }
}

/// Why a value of a template is no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntrinsicError {
    /// A name that the stack does not know.
    #[error("{0} is not known")]
    Unknown(String),
    /// A function or a shape that is not known here.
    #[error("{0} is no text")]
    Shape(String),
}

/// A value of a template as text.
///
/// # Errors
/// It names something unknown, or is neither a text, a number, nor a function that is known here.
pub fn resolve_text(value: &Value, stack: &impl Resolve) -> Result<String, IntrinsicError> {
    if let Some(text) = plain(value) {
        return Ok(text);
    }
    let shape = || IntrinsicError::Shape(value.to_string());
    let call = value.as_object().filter(|members| members.len() == 1);
    let (name, argument) = call
        .and_then(|members| members.iter().next())
        .ok_or_else(shape)?;
    let known =
        |found: Option<String>| found.ok_or_else(|| IntrinsicError::Unknown(argument.to_string()));
    match name.as_str() {
        "Ref" => known(argument.as_str().and_then(|name| stack.reference(name))),
        "Fn::GetAtt" => {
            let path = match argument.as_str() {
                Some(path) => path.split_once('.'),
                None => texts(argument).and_then(|path| match path.as_slice() {
                    [resource, attribute] => Some((*resource, *attribute)),
                    _ => None,
                }),
            };
            let (resource, attribute) = path.ok_or_else(shape)?;
            known(stack.attribute(resource, attribute))
        }
        "Fn::Sub" => substitute(argument.as_str().ok_or_else(shape)?, stack),
        "Fn::If" => match argument.as_array().map(Vec::as_slice) {
            Some([condition, then, otherwise]) => {
                let condition = condition.as_str().ok_or_else(shape)?;
                let holds = stack.condition(condition);
                let holds = holds.ok_or_else(|| IntrinsicError::Unknown(condition.to_owned()))?;
                resolve_text(if holds { then } else { otherwise }, stack)
            }
            _ => Err(shape()),
        },
        "Fn::FindInMap" => match argument.as_array().map(Vec::as_slice) {
            Some([map, key, second]) => {
                let part = |value: &Value| resolve_text(value, stack);
                known(stack.mapped(&part(map)?, &part(key)?, &part(second)?))
            }
            _ => Err(shape()),
        },
        _ => Err(shape()),
    }
}

/// A value of a template as a number, which may be written as text.
///
/// # Errors
/// It is none.
pub fn resolve_number(value: &Value, stack: &impl Resolve) -> Result<f64, IntrinsicError> {
    let text = resolve_text(value, stack)?;
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or(IntrinsicError::Shape(text))
}

/// A text or a number as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

/// Fills in `${Name}`, `${Name.Attribute}` and `${!Literal}`.
fn substitute(text: &str, stack: &impl Resolve) -> Result<String, IntrinsicError> {
    let mut parts = text.split("${");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part
            .split_once('}')
            .ok_or_else(|| IntrinsicError::Shape(text.to_owned()))?;
        let found = match (name.strip_prefix('!'), name.split_once('.')) {
            (Some(literal), _) => Some(format!("${{{literal}}}")),
            (None, Some((resource, attribute))) => stack.attribute(resource, attribute),
            (None, None) => stack.reference(name),
        };
        whole.push_str(&found.ok_or_else(|| IntrinsicError::Unknown(name.to_owned()))?);
        whole.push_str(rest);
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names() -> Names {
        Names {
            references: BTreeMap::from([("AWS::StackName".to_owned(), "crm".to_owned())]),
            unmet: vec!["IsOff".to_owned()],
            mappings: json!({"Minutes": {"15": {"Seconds": 900}}}),
        }
    }

    #[track_caller]
    fn check(value: &Value, expected: &str) {
        assert_eq!(
            resolve_text(value, &names()).as_deref(),
            Ok(expected),
            "{value}"
        );
    }

    #[test]
    fn every_function_is_resolved() {
        check(&json!("text"), "text");
        check(&json!(1.5), "1.5");
        check(&json!({"Ref": "AWS::StackName"}), "crm");
        check(&json!({"Ref": "Topic"}), "Topic");
        check(
            &json!({"Fn::GetAtt": ["Queue", "QueueName"]}),
            "Queue.QueueName",
        );
        check(&json!({"Fn::GetAtt": "Queue.QueueName"}), "Queue.QueueName");
        check(
            &json!({"Fn::Sub": "${AWS::StackName}-${Queue.Arn}/${!x}-"}),
            "crm-Queue.Arn/${x}-",
        );
        check(&json!({"Fn::If": ["IsOn", {"Ref": "A"}, "b"]}), "A");
        check(&json!({"Fn::If": ["IsOff", {"Ref": "A"}, "b"]}), "b");
        check(&json!({"Fn::FindInMap": ["Minutes", 15, "Seconds"]}), "900");
        assert_eq!(resolve_number(&json!("1620"), &names()), Ok(1620.0));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for value in [
            json!(null),
            json!(true),
            json!([]),
            json!({}),
            json!({"Ref": "AWS::Nothing"}),
            json!({"Ref": 1}),
            json!({"Fn::Join": ["", []]}),
            json!({"Ref": "A", "Other": "B"}),
            json!({"Fn::Sub": "${A"}),
            json!({"Fn::Sub": ["${A}", {}]}),
            json!({"Fn::If": ["A", "b"]}),
            json!({"Fn::GetAtt": ["A"]}),
            json!({"Fn::FindInMap": ["Minutes", "16", "Seconds"]}),
            json!({"Fn::FindInMap": []}),
        ] {
            assert!(resolve_text(&value, &names()).is_err(), "{value}");
        }
        assert!(resolve_number(&json!("inf"), &names()).is_err());
        assert!(resolve_number(&json!("many"), &names()).is_err());
    }
}
