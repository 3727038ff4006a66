//! What dashboards say of every source: a row that names `${Source}` stands there once for each source that is counted, in its
//! `${SourceColor}`, and `${SumOf:accepted_}` adds up their ids `accepted_…`.

use leadwire_pipeline::observe::metric::Dimension;
use serde_json::Value;

/// The colours of sources, in the order of their registry.
const COLORS: [&str; 8] = [
    "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#d95f02", "#e6ab02", "#a6761d", "#666666",
];
const SUM_BEGINS: &str = "${SumOf:";

/// A dashboard with its rows of sources written out.
pub(super) fn expand(dashboard: Value) -> Value {
    match dashboard {
        Value::Array(items) => items.into_iter().flat_map(repeat).map(expand).collect(),
        Value::Object(members) => {
            let members = members.into_iter();
            Value::Object(members.map(|(name, value)| (name, expand(value))).collect())
        }
        Value::String(text) => Value::String(add_up(&text)),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}

/// A row of a source as often as there are sources; anything else as it is.
fn repeat(item: Value) -> Vec<Value> {
    let is_row = item
        .as_array()
        .is_some_and(|row| !row.iter().any(Value::is_array));
    let text = item.to_string();
    if !is_row || !text.contains("${Source}") {
        return vec![item];
    }
    let sources = Dimension::Source.values().into_iter();
    let rows = sources
        .zip(COLORS.into_iter().cycle())
        .map(|(source, color)| {
            let row = text.replace("${SourceColor}", color);
            let row = row.replace("_${Source}", &format!("_{}", id_of(source)));
            serde_json::from_str(&row.replace("${Source}", source))
        });
    rows.collect::<Result<_, _>>()
        .unwrap_or_else(|_| vec![item])
}

/// The text with every `${SumOf:prefix}` written out.
fn add_up(text: &str) -> String {
    let Some((before, rest)) = text.split_once(SUM_BEGINS) else {
        return text.to_owned();
    };
    let (prefix, after) = rest.split_once('}').unwrap_or((rest, ""));
    format!("{before}{}{}", sum(prefix), add_up(after))
}

/// The sum of every source's ids with this prefix.
fn sum(prefix: &str) -> String {
    let sources = Dimension::Source.values().into_iter();
    let ids = sources.map(|source| format!("{prefix}{}", id_of(source)));
    ids.collect::<Vec<_>>().join(" + ")
}

/// A source's name as a part of an id, where `CloudWatch` takes no hyphen.
fn id_of(source: &str) -> String {
    source.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_of_a_source_stands_there_for_each_and_a_sum_names_all() {
        let sources = Dimension::Source.values();
        let row = json!(["Leadwire", "LeadsAccepted", "source", "${Source}", {"id": "accepted_${Source}", "color": "${SourceColor}"}]);
        let sum = json!([{"expression": "FILL(${SumOf:accepted_}, 0)"}]);
        let expanded = expand(json!({"metrics": [row, sum, ["Leadwire", "EmailsSent"]]}));
        let rows = expanded["metrics"].as_array().unwrap();
        assert_eq!(rows.len(), sources.len() + 2);
        for ((row, source), color) in rows.iter().zip(&sources).zip(COLORS) {
            let look = json!({"id": format!("accepted_{source}"), "color": color});
            let expected = json!(["Leadwire", "LeadsAccepted", "source", source, look]);
            assert_eq!(*row, expected);
        }
        let ids = sources.iter().map(|source| format!("accepted_{source}"));
        let ids: Vec<_> = ids.collect();
        let expected = format!("FILL({}, 0)", ids.join(" + "));
        assert_eq!(rows[sources.len()][0]["expression"], expected.as_str());
    }
}
