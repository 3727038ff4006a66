//! A request, as a CRM makes it.

use crate::setting::Form;
use jiff::Timestamp;
use leadwire_domain::lead::id::EventId;
use leadwire_domain::source::{Source, SourceKind};

/// The secret that signed requests share with the sources document.
pub(crate) const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// One request, as a CRM sends it: of one event, or of several.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    /// Its id at the CRM.
    pub(crate) id: String,
    /// How it is sent.
    pub(crate) form: Form,
    /// When it happened, where it says so.
    pub(crate) time: Timestamp,
    /// Its events.
    pub(crate) parts: Vec<Part>,
}

/// One event of a request.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Whom it is about.
    pub(crate) lead: String,
    /// The name in it.
    pub(crate) display_name: String,
}

impl Webhook {
    /// The events' own bytes.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.parts.iter().map(|part| self.body_of(part)).collect()
    }

    pub(crate) fn body_of(&self, part: &Part) -> String {
        let (lead, name) = (&part.lead, &part.display_name);
        let flat = format!(r#"{{"lead_id":"{lead}","display_name":"{name}"}}"#);
        match self.form {
            Form::Signed => {
                let time = self.time;
                format!(r#"{{"type":"lead.created","timestamp":"{time}","data":{flat}}}"#)
            }
            Form::WithKey | Form::Plain => flat,
        }
    }

    pub(crate) fn body(&self) -> String {
        let bodies = self.bodies();
        match &*bodies {
            [only] => only.clone(),
            several => format!("[{}]", several.join(",")),
        }
    }

    /// The id of one of its events.
    pub(crate) fn id_of(&self, index: usize) -> String {
        match &*self.parts {
            [_only] => self.id.clone(),
            _several => format!("{}.{index}", self.id),
        }
    }

    pub(crate) fn source(&self) -> Source {
        match self.form {
            Form::Signed => SourceKind::Standard.into(),
            Form::WithKey | Form::Plain => Source::default(),
        }
    }

    pub(crate) fn headers(&self, body: &str, now: Timestamp) -> Vec<(&'static str, String)> {
        match self.form {
            Form::Signed => {
                let id = EventId::parse(&self.id).expect("a plain id");
                let source = SourceKind::Standard.example(SECRET).expect("a good secret");
                let signed = source.sign(&id, body.as_bytes().to_vec(), now);
                signed.expect("a plain id").headers
            }
            Form::WithKey => vec![("idempotency-key", self.id.clone())],
            Form::Plain => Vec::new(),
        }
    }
}
