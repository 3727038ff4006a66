//! `CloudFormation`'s functions in the properties of an alarm, resolved by a caller that knows the stack.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// What a template's names are, for a stack that is not there. A resource that is not listed is known by its logical id.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Parameters and pseudo parameters.
    pub references: BTreeMap<String, String>,
    /// Conditions that do not hold; every other one does.
    pub unmet: Vec<String>,
    /// The section `Mappings` of the template.
    pub mappings: Value,
}

impl Names {
    /// What `Ref` gives: a parameter's value or a resource's own reference.
    fn reference(&self, name: &str) -> Option<String> {
        let known = self.references.get(name).cloned();
        known.or_else(|| (!name.contains("::")).then(|| name.to_owned()))
    }

    /// What `Fn::FindInMap` gives.
    fn mapped(&self, map: &str, key: &str, second: &str) -> Option<String> {
        plain(self.mappings.get(map)?.get(key)?.get(second)?)
    }
}

/// A value of a template as text: an error where it names something unknown, or is neither a text, a number, nor a function that is known
/// here.
pub(super) fn resolve_text(value: &Value, names: &Names) -> Result<String, String> {
    if let Some(text) = plain(value) {
        return Ok(text);
    }
    let shape = || no_text(value);
    let call = value.as_object().filter(|members| members.len() == 1);
    let (name, argument) = call
        .and_then(|members| members.iter().next())
        .ok_or_else(shape)?;
    let known = |found: Option<String>| found.ok_or_else(|| unknown(argument));
    let arguments = argument.as_array().map(Vec::as_slice).unwrap_or_default();
    match (name.as_str(), argument.as_str(), arguments) {
        ("Ref", name, _) => known(name.and_then(|name| names.reference(name))),
        ("Fn::GetAtt", Some(path), _) if path.contains('.') => Ok(path.to_owned()),
        ("Fn::GetAtt", _, [Value::String(resource), Value::String(attribute)]) => {
            Ok(format!("{resource}.{attribute}"))
        }
        ("Fn::Sub", Some(text), _) => substitute(text, names),
        ("Fn::If", _, [Value::String(condition), then, otherwise]) => {
            let holds = !names.unmet.contains(condition);
            resolve_text(if holds { then } else { otherwise }, names)
        }
        ("Fn::FindInMap", _, [map, key, second]) => {
            let part = |value: &Value| resolve_text(value, names);
            known(names.mapped(&part(map)?, &part(key)?, &part(second)?))
        }
        _ => Err(shape()),
    }
}

fn unknown(name: impl fmt::Display) -> String {
    format!("{name} is not known")
}

fn no_text(value: impl fmt::Display) -> String {
    format!("{value} is no text")
}

/// A text or a number as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Fills in `${Name}`, `${Name.Attribute}` and `${!Literal}`.
fn substitute(text: &str, names: &Names) -> Result<String, String> {
    let mut parts = text.split("${");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').ok_or_else(|| no_text(text))?;
        let found = match (name.strip_prefix('!'), name.split_once('.')) {
            (Some(literal), _) => Some(format!("${{{literal}}}")),
            (None, Some(_)) => Some(name.to_owned()),
            (None, None) => names.reference(name),
        };
        whole.push_str(&found.ok_or_else(|| unknown(name))?);
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
        let resolved = resolve_text(value, &names());
        assert_eq!(resolved.as_deref(), Ok(expected), "{value}");
    }

    #[test]
    fn every_function_is_resolved() {
        check(&json!("text"), "text");
        check(&json!(1.5), "1.5");
        check(&json!({"Ref": "AWS::StackName"}), "crm");
        check(&json!({"Ref": "Topic"}), "Topic");
        for path in [json!(["Queue", "Name"]), json!("Queue.Name")] {
            check(&json!({"Fn::GetAtt": path}), "Queue.Name");
        }
        let text = "${AWS::StackName}-${Queue.Arn}/${!x}-";
        check(&json!({"Fn::Sub": text}), "crm-Queue.Arn/${x}-");
        check(&json!({"Fn::If": ["IsOn", {"Ref": "A"}, "b"]}), "A");
        check(&json!({"Fn::If": ["IsOff", {"Ref": "A"}, "b"]}), "b");
        check(&json!({"Fn::FindInMap": ["Minutes", 15, "Seconds"]}), "900");
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
    }
}
