//! Generic: `/ingest` itself. The flat form, by anyone who can post JSON, signed as Standard Webhooks.

use super::event::parse_object;
use super::intake::Intake;
use super::members::Members;
use super::webhooks::{SIGNATURE, StandardWebhooks};
use super::{EventFilter, Extracted, Kind, Sample, forms, guest, webhooks};
use crate::problem::Problem;

pub(super) struct Generic;

impl Kind for Generic {
    fn name(&self) -> &'static str {
        "generic"
    }

    fn configure(&self, members: &mut Members<'_>) -> Option<Box<dyn Intake>> {
        Some(Box::new(StandardWebhooks::configure(members)?))
    }

    fn make_secret(&self, random: [u8; 32]) -> String {
        webhooks::make_secret(random)
    }

    fn parse(&self, body: &[u8], filter: EventFilter<'_>) -> Result<Extracted, Problem> {
        let top = parse_object(body)?;
        match guest(&top) {
            Some(kind) => kind.parse(body, filter),
            None => forms::parse_flat(top),
        }
    }

    fn sample(&self, lead: &Sample) -> Vec<u8> {
        forms::sample_flat(lead).to_string().into_bytes()
    }

    fn signature_header(&self) -> Option<&'static str> {
        Some(SIGNATURE)
    }
}
