//! Standard: the envelope of Standard Webhooks, or the flat form, or an array of them, signed as Standard Webhooks.

use super::intake::Intake;
use super::members::Members;
use super::webhooks::StandardWebhooks;
use super::{EventFilter, Extracted, Kind, Sample, forms, webhooks};
use crate::json::Object;
use crate::problem::Problem;

pub(super) struct Standard;

impl Kind for Standard {
    fn name(&self) -> &'static str {
        "standard"
    }

    fn configure(&self, members: &mut Members<'_>) -> Option<Box<dyn Intake>> {
        Some(Box::new(
            StandardWebhooks::configure(members)?.with_arrays(),
        ))
    }

    fn make_secret(&self, random: [u8; 32]) -> String {
        webhooks::make_secret(random)
    }

    fn parse(&self, body: &[u8], filter: EventFilter<'_>) -> Result<Extracted, Problem> {
        forms::parse_either(body, filter)
    }

    fn sample(&self, lead: &Sample) -> Vec<u8> {
        forms::sample_envelope(lead).to_string().into_bytes()
    }

    fn recognises(&self, top: &Object) -> bool {
        forms::is_envelope(top)
    }
}
