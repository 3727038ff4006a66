//! What functions print of their metrics, in `CloudWatch`'s embedded metric format.

use serde_json::Value;

use crate::json::At;

/// A value of a metric, and the document that tells it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The value.
    pub value: f64,
    /// The whole line.
    pub document: Value,
}

/// Every value of a metric in these lines.
pub fn samples(lines: &[String], metric: &str) -> Vec<Sample> {
    let documents = lines
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|document| document.at("_aws").is_object());
    let of_document = |document: Value| {
        let told = document.at(metric).clone();
        let values = told.as_array().cloned().unwrap_or_else(|| vec![told]);
        let values = values.into_iter().filter_map(|value| value.as_f64());
        values
            .map(|value| Sample {
                value,
                document: document.clone(),
            })
            .collect::<Vec<_>>()
    };
    documents.flat_map(of_document).collect()
}

/// The sum of a metric over these lines.
pub fn sum(lines: &[String], metric: &str) -> f64 {
    let samples = samples(lines, metric);
    samples.iter().map(|sample| sample.value).sum()
}
