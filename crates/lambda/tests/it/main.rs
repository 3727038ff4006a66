//! True events of AWS and of its library, decoded; and the binaries themselves, started wrongly.

#[cfg(test)]
mod decoding;
#[cfg(test)]
mod library;
#[cfg(test)]
mod starting;

const BATCH: &str = include_str!("../fixtures/sqs.json");
const REST: &str = include_str!("../fixtures/rest_v1.json");
const HTTP: &str = include_str!("../fixtures/http_v2.json");
const URL: &str = include_str!("../fixtures/function_url.json");
