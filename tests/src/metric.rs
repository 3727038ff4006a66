//! What functions print of their metrics, in `CloudWatch`'s embedded metric format.

use anyhow::{Context, Result};
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};
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

/// Puts the metrics of these lines where `CloudWatch` would extract them to, as if they had been printed now.
/// `LocalStack` does not read log lines.
///
/// # Errors
/// A document is not in the format, or `CloudWatch` refuses it.
pub async fn extract(cloudwatch: &aws_sdk_cloudwatch::Client, lines: &[String]) -> Result<()> {
    let documents = lines
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    for document in documents.filter(|document| document.at("_aws").is_object()) {
        let directives = document.at("_aws").at("CloudWatchMetrics").as_array();
        for directive in directives.context("CloudWatchMetrics")? {
            let namespace = directive.at("Namespace").as_str().context("Namespace")?;
            let put = cloudwatch.put_metric_data().namespace(namespace);
            let data = data(&document, directive)?;
            put.set_metric_data(Some(data)).send().await?;
        }
    }
    Ok(())
}

/// What one directive of a document says.
fn data(document: &Value, directive: &Value) -> Result<Vec<MetricDatum>> {
    let mut data = Vec::new();
    for set in directive.at("Dimensions").as_array().into_iter().flatten() {
        let names = set.as_array().into_iter().flatten();
        let dimensions: Vec<Dimension> = names
            .map(|name| {
                let name = name.as_str().context("a dimension's name")?;
                let value = document.at(name).as_str().context("a dimension's value")?;
                Ok(Dimension::builder().name(name).value(value).build())
            })
            .collect::<Result<_>>()?;
        for metric in directive.at("Metrics").as_array().into_iter().flatten() {
            let name = metric.at("Name").as_str().context("a metric's name")?;
            let told = document.at(name).clone();
            let values = told.as_array().cloned().unwrap_or_else(|| vec![told]);
            let values: Vec<f64> = values.iter().filter_map(Value::as_f64).collect();
            let datum = MetricDatum::builder()
                .metric_name(name)
                .set_dimensions(Some(dimensions.clone()));
            data.push(datum.set_values(Some(values)).build());
        }
    }
    Ok(data)
}
