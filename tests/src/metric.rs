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
    let of_document = |document: Value| {
        let sample = |value| Sample {
            value,
            document: document.clone(),
        };
        let values = values(&document, metric).into_iter();
        values.map(sample).collect::<Vec<_>>()
    };
    documents(lines).flat_map(of_document).collect()
}

/// The sum of a metric over these lines.
pub fn sum(lines: &[String], metric: &str) -> f64 {
    let samples = samples(lines, metric);
    samples.iter().map(|sample| sample.value).sum()
}

/// The names of the metrics in these lines, each as often as a document tells of it.
pub fn names(lines: &[String]) -> Vec<String> {
    let names = documents(lines).flat_map(|document| {
        let directives = document.at("_aws").at("CloudWatchMetrics").items().iter();
        let metrics = directives.flat_map(|directive| directive.at("Metrics").items());
        let names = metrics.filter_map(|metric| metric.at("Name").as_str());
        names.map(str::to_owned).collect::<Vec<_>>()
    });
    names.collect()
}

/// Puts the metrics of these lines where `CloudWatch` would extract them to, as if they had been printed now.
/// `LocalStack` does not read log lines.
pub async fn extract(cloudwatch: &aws_sdk_cloudwatch::Client, lines: &[String]) -> Result<()> {
    for document in documents(lines) {
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
    for set in directive.at("Dimensions").items() {
        let dimensions = set.items().iter().map(|name| {
            let name = name.as_str().context("a dimension's name")?;
            let value = document.at(name).as_str().context("a dimension's value")?;
            Ok(Dimension::builder().name(name).value(value).build())
        });
        let dimensions: Vec<Dimension> = dimensions.collect::<Result<_>>()?;
        for metric in directive.at("Metrics").items() {
            let name = metric.at("Name").as_str().context("a metric's name")?;
            let datum = MetricDatum::builder().metric_name(name);
            let datum = datum.set_dimensions(Some(dimensions.clone()));
            data.push(datum.set_values(Some(values(document, name))).build());
        }
    }
    Ok(data)
}

/// The lines that tell metrics.
fn documents(lines: &[String]) -> impl Iterator<Item = Value> {
    let lines = lines.iter();
    let documents = lines.filter_map(|line| serde_json::from_str(line).ok());
    documents.filter(|document: &Value| document.at("_aws").is_object())
}

/// The values of a metric in a document, which may be one or a list.
fn values(document: &Value, metric: &str) -> Vec<f64> {
    let values = document.at(metric).many().iter();
    values.filter_map(Value::as_f64).collect()
}
