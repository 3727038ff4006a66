//! Standard: the envelope of Standard Webhooks, or the flat form, or an array of them, signed as Standard Webhooks.

use super::signature::Scheme;
use super::webhooks::StandardWebhooks;
use super::{EventFilter, Extracted, Kind, Sample, forms};
use crate::json::Object;
use crate::problem::Problem;
use std::borrow::Cow;

pub(super) struct Standard;

impl Kind for Standard {
    fn name(&self) -> &'static str {
        "standard"
    }

    fn scheme(&self) -> &'static dyn Scheme {
        &StandardWebhooks
    }

    fn parse(&self, body: &[u8], filter: EventFilter<'_>) -> Result<Extracted, Problem> {
        forms::parse_either(body, filter)
    }

    fn split<'a>(&self, body: &'a [u8]) -> Result<Vec<Cow<'a, [u8]>>, Problem> {
        forms::split_array(body)
    }

    fn sample(&self, lead: &Sample) -> Vec<u8> {
        forms::sample_envelope(lead).to_string().into_bytes()
    }

    fn recognises(&self, top: &Object) -> bool {
        forms::is_envelope(top)
    }
}
