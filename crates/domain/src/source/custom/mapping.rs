//! How the elements of a custom source are read. The text of it is stored beside each, in its label `mapping`: when the element is
//! read again there may be no sources document, or another one.

use super::form;
use crate::json::{Object, raw_text, shown};
use crate::lead::field::OURS;
use crate::lead::id::{EventId, LeadId};
use crate::limits::MAPPING_BYTES_MAX;
use crate::problem::Problem;
use crate::source::event::{LEAD_ID, LeadIds, moment, parse_object, refuse_reserved};
use crate::source::members::{Members, show};
use crate::source::pointer::Pointer;
use crate::source::{Event, EventFilter, Extracted, Sample};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const FORMAT: &str = "format";
const FIELDS: &str = "fields";
const TYPE: &str = "type";
const EVENT_ID: &str = "event_id";
const TIME: &str = "time";

/// What a body is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    #[default]
    Json,
    Form,
}

/// Where in an element a lead's fields stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) format: Format,
    event_type: Option<Pointer>,
    fields: BTreeMap<String, Vec<Pointer>>,
}

/// One path, or several whose texts are joined.
#[derive(Deserialize)]
#[serde(untagged)]
enum Paths {
    One(String),
    Several(Vec<String>),
}

/// The flat form: what an element without a label is read as.
impl Default for Mapping {
    fn default() -> Self {
        let path = |name: &str| (name.to_owned(), vec![pointer_to(name)]);
        Self {
            format: Format::Json,
            event_type: None,
            fields: BTreeMap::from([path(LEAD_ID), path(EVENT_ID)]),
        }
    }
}

fn pointer_to(name: &str) -> Pointer {
    Pointer::parse(&format!("/{name}")).expect("a plain name")
}

impl Mapping {
    /// Reads `format`, `type` and `fields`, and notes what is wrong with them.
    pub(super) fn read(members: &mut Members<'_>) -> Option<Self> {
        let format = members.optional(FORMAT, "json or form");
        let event_type = pointer(members, TYPE);
        let fields = read_fields(members)?;
        Some(Self {
            format: format.unwrap_or_default(),
            event_type,
            fields,
        })
    }

    /// What a label says. One that says nothing readable is none.
    pub(super) fn of_label(label: &str) -> Option<Self> {
        let label = Object::parse(label.as_bytes()).ok()?;
        let mut members = Members::new(&label);
        let read = Self::read(&mut members);
        read.filter(|_| members.end().is_empty())
    }

    /// The label: JSON of visible ASCII, which every carrier of labels keeps as it is.
    pub(super) fn label(&self) -> String {
        let text = |pointer: &Pointer| Value::String(pointer.to_string());
        let fields = self.fields.iter().map(|(name, paths)| {
            let paths: Vec<Value> = paths.iter().map(text).collect();
            let paths = match &paths[..] {
                [only] => only.clone(),
                _ => Value::Array(paths),
            };
            (name.clone(), paths)
        });
        let mut members = Map::from_iter([(FIELDS.to_owned(), Value::Object(fields.collect()))]);
        if self.format == Format::Form {
            members.insert(FORMAT.to_owned(), json!("form"));
        }
        if let Some(event_type) = &self.event_type {
            members.insert(TYPE.to_owned(), text(event_type));
        }
        ascii(&Value::Object(members).to_string())
    }

    pub(super) fn has_type(&self) -> bool {
        self.event_type.is_some()
    }

    /// A body, or an element of it, as an object.
    pub(super) fn object(&self, body: &[u8]) -> Result<Object, Problem> {
        match self.format {
            Format::Json => parse_object(body),
            Format::Form => form::parse(body),
        }
    }

    /// Reads an element.
    pub(super) fn parse(
        &self,
        element: &[u8],
        filter: EventFilter<'_>,
    ) -> Result<Extracted, Problem> {
        let element = self.object(element)?;
        if let EventFilter::Types(_) = filter {
            let event_type = self.event_type.as_ref();
            let event_type = event_type.and_then(|pointer| shown(&pointer.find(&element)?));
            // One without a type is none of those that are taken.
            let event_type = event_type.unwrap_or_default();
            if !filter.takes(&event_type) {
                return Ok(Extracted::ignored(&event_type));
            }
        }
        refuse_reserved(&element)?;
        let mut fields = self.renamed(&element);
        let mut ids = LeadIds::default();
        let lead_id = self
            .value(LEAD_ID, &element)
            .ok_or(Problem::InvalidLeadId)?;
        ids.add(&lead_id)?;
        let lead_id: LeadId = ids.named_in(&mut fields)?;
        let text = |name| shown(&self.value(name, &element)?);
        Ok(Extracted::Event(Box::new(Event {
            lead_id,
            event_id: text(EVENT_ID).and_then(|id| event_id(&id)),
            time: text(TIME).and_then(|time| moment(&time)),
            is_time_fixed: false,
            fields,
        })))
    }

    /// The element's members, and the known names for what is mapped. A member that is mapped whole is renamed.
    fn renamed(&self, element: &Object) -> Object {
        let mut fields = element.clone();
        let mapped = || self.fields.iter().filter(|(name, _)| !is_ours(name));
        for (name, paths) in mapped() {
            if let [only] = &paths[..]
                && let Some(member) = only.member()
                && member != name
            {
                fields.remove(member);
            }
        }
        for (name, _) in mapped() {
            if let Some(value) = self.value(name, element) {
                fields.set(name, value);
            }
        }
        fields
    }

    /// What is mapped to a name: the value itself, or the texts of several joined by a space.
    fn value(&self, name: &str, element: &Object) -> Option<Box<RawValue>> {
        match &self.fields.get(name)?[..] {
            [only] => only.find(element),
            several => {
                let texts = several
                    .iter()
                    .filter_map(|pointer| shown(&pointer.find(element)?));
                let texts: Vec<_> = texts.map(|text| text.trim().to_owned()).collect();
                let joined = texts.join(" ");
                (!joined.is_empty()).then(|| raw_text(&joined))
            }
        }
    }

    /// What the place holds in which the lead's id should stand.
    pub(super) fn hint(&self, element: &[u8]) -> Option<String> {
        let object = self.object(element).ok()?;
        let paths = self.fields.get(LEAD_ID)?.iter().map(Pointer::to_string);
        let paths = paths.collect::<Vec<_>>().join(" and ");
        let found = match self.value(LEAD_ID, &object) {
            Some(_) => "no lead id",
            None => "nothing",
        };
        Some(format!(
            "The source reads it at {paths}, as its declaration says, and {found} stands there."
        ))
    }

    /// An element that is read as this lead.
    pub(super) fn sample(&self, lead: &Sample, event_type: Option<&str>) -> Vec<(Pointer, String)> {
        let mut set = Vec::new();
        if let (Some(pointer), Some(event_type)) = (&self.event_type, event_type) {
            set.push((pointer.clone(), event_type.to_owned()));
        }
        for (name, paths) in &self.fields {
            let value = match name.as_str() {
                LEAD_ID => Some(lead.lead_id.to_string()),
                EVENT_ID => Some(lead.event_id.to_string()),
                TIME => lead.made_at.map(|time| time.to_string()),
                "display_name" => Some(lead.name.clone()),
                "lead_email" => Some(lead.email.clone()),
                _ => None,
            };
            if let Some((value, first)) = value.zip(paths.first()) {
                set.push((first.clone(), value));
            }
        }
        set
    }
}

/// The event's id and time are the event's, and no fields of the lead: their members stay as they are.
fn is_ours(name: &str) -> bool {
    [EVENT_ID, TIME].contains(&name)
}

/// An id of any form: what is no event id by itself is one by its digest, so that a retry is still found.
fn event_id(text: &str) -> Option<EventId> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let digest = || EventId::parse(&hex::encode(Sha256::digest(text))).ok();
    EventId::parse(text).ok().or_else(digest)
}

/// A member that is a pointer.
pub(super) fn pointer(members: &mut Members<'_>, name: &'static str) -> Option<Pointer> {
    let text: String = members.optional(name, "a JSON Pointer")?;
    let pointer = Pointer::parse(&text);
    if pointer.is_none() {
        members.wrong_member(name, "is not a JSON Pointer (RFC 6901): it begins with /");
    }
    pointer
}

fn read_fields(members: &mut Members<'_>) -> Option<BTreeMap<String, Vec<Pointer>>> {
    let Some(value) = members.json(FIELDS) else {
        members.wrong(format!(
            "has no {FIELDS}, which say where the lead's id stands"
        ));
        return None;
    };
    let Ok(object) = Object::parse(value.get().as_bytes()) else {
        members.wrong_member(FIELDS, "is not an object");
        return None;
    };
    let mut fields = BTreeMap::new();
    for (name, paths) in object.iter() {
        if name.is_empty() || name == OURS {
            members.wrong(format!("/{FIELDS}: {} is no name for a field", show(name)));
        } else if let Some(paths) = read_paths(paths).filter(|paths| !paths.iter().any(is_whole)) {
            fields.insert(name.to_owned(), paths);
        } else {
            let form = "a JSON Pointer (RFC 6901) that begins with /, nor a list of them";
            members.wrong(format!("/{FIELDS}: {} is not {form}", show(name)));
        }
    }
    if object.get(LEAD_ID).is_none() {
        members.wrong(format!(
            "/{FIELDS} has no {LEAD_ID}, so every event would be refused"
        ));
    }
    Some(fields)
}

/// Whether it is the document itself.
fn is_whole(pointer: &Pointer) -> bool {
    pointer.steps().is_empty()
}

/// A pointer, or a list of them.
pub(super) fn read_paths(value: &RawValue) -> Option<Vec<Pointer>> {
    let paths = match serde_json::from_str(value.get()).ok()? {
        Paths::One(path) => vec![path],
        Paths::Several(paths) => paths,
    };
    let paths = paths.iter().map(|path| Pointer::parse(path));
    let paths = paths.collect::<Option<Vec<_>>>()?;
    (!paths.is_empty()).then_some(paths)
}

/// Whether a label has room for it.
pub(super) fn check_length(members: &mut Members<'_>, label: &str) {
    if label.len() > MAPPING_BYTES_MAX {
        members.wrong(format!(
            "{FIELDS} and {TYPE} are {} bytes as they are stored beside every event, and at most {MAPPING_BYTES_MAX} are kept",
            label.len()
        ));
    }
}

/// JSON with everything escaped that is not visible ASCII; outside of its strings it has nothing else.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii_graphic() {
            text.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a text does not fail.
                let _written = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}
