//! The SOAP of an outbound message: strict where it holds the message together, lenient within one notification, so that nothing there keeps
//! another from being read. No DTD, and no entity but the five of XML.

use crate::json::{Object, raw_text, without_byte_order_mark};
use crate::limits::JSON_DEPTH_MAX;
use quick_xml::NsReader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, PrefixDeclaration, ResolveResult};
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;
use std::ops::Range;

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const OUTBOUND: &str = "http://soap.sforce.com/2005/09/outbound";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// What Salesforce declares around notifications. One that stands alone is read as within these.
const DECLARED: [(&str, &str); 4] = [
    ("xmlns", OUTBOUND),
    ("xmlns:soapenv", SOAP),
    ("xmlns:xsd", "http://www.w3.org/2001/XMLSchema"),
    ("xmlns:xsi", INSTANCE),
];
const NOTIFICATIONS: &str = "notifications";
const NOTIFICATION: &str = "Notification";
/// The sender's live credential.
const SESSION_ID: &str = "SessionId";

type Reader<'a> = NsReader<&'a [u8]>;

/// A text that is no outbound message. It never shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotSoap;

impl<E: Into<quick_xml::Error>> From<E> for NotSoap {
    fn from(_quotes_input: E) -> Self {
        Self
    }
}

/// An outbound message: what its notifications have in common, and the text of each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) organization_id: Option<String>,
    pub(super) action_id: Option<String>,
    pub(super) notifications: Vec<String>,
    /// Where in the request elements stand that hold a credential.
    pub(super) credentials: Vec<Range<usize>>,
}

impl Message {
    pub(super) fn read(body: &[u8]) -> Result<Self, NotSoap> {
        let xml = without_byte_order_mark(body);
        let mut reader = open(xml)?;
        enter(&mut reader, SOAP, &["Envelope"])?;
        enter(&mut reader, SOAP, &["Body"])?;
        enter(&mut reader, OUTBOUND, &[NOTIFICATIONS])?;
        let around = further_declarations(&reader);
        let mut message = Self::default();
        while let Some(child) = next_child(&mut reader, OUTBOUND)? {
            let name = child.tag.local_name();
            match name.into_inner() {
                "OrganizationId" => read_once(&mut reader, &child, &mut message.organization_id)?,
                "ActionId" => read_once(&mut reader, &child, &mut message.action_id)?,
                other => {
                    reader.read_to_end(child.tag.name())?;
                    let range = child.start..place(&reader);
                    if other == NOTIFICATION && child.is_within {
                        let text = xml.get(range).and_then(|text| str::from_utf8(text).ok());
                        let text = text.ok_or(NotSoap)?;
                        message.notifications.push(within(&around, text));
                    } else if other == SESSION_ID {
                        let mark = body.len() - xml.len();
                        let range = range.start + mark..range.end + mark;
                        message.credentials.push(range);
                    }
                }
            }
        }
        expect_end(&mut reader)?;
        Ok(message)
    }
}

/// A notification's record.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// The notification's own id.
    pub(super) id: Option<String>,
    /// The record's type without its prefix, `Lead`.
    pub(super) object: Option<String>,
    /// The record's fields by their names; what nests is an object.
    pub(super) fields: Option<Object>,
}

impl Record {
    /// Reads the text of a notification.
    pub(super) fn read(notification: &str) -> Result<Self, NotSoap> {
        let declared = DECLARED.map(|(name, namespace)| declaration(name, namespace));
        let xml = within(&declared.concat(), notification);
        let mut reader = open(xml.as_bytes())?;
        while enter(&mut reader, OUTBOUND, &[NOTIFICATIONS, NOTIFICATION])? != NOTIFICATION {}
        let mut record = Self::default();
        while let Some(child) = next_child(&mut reader, OUTBOUND)? {
            match child.tag.local_name().into_inner() {
                "Id" => read_once(&mut reader, &child, &mut record.id)?,
                "sObject" if record.fields.is_some() => return Err(NotSoap),
                "sObject" => {
                    record.object = type_of(&reader, &child.tag);
                    let value = read_value(&mut reader, &child.tag, 1)?;
                    let fields = Object::parse(value.get().as_bytes());
                    record.fields = Some(fields.unwrap_or_default());
                }
                _ => {
                    reader.read_to_end(child.tag.name())?;
                }
            }
        }
        expect_end(&mut reader)?;
        Ok(record)
    }
}

fn open(xml: &[u8]) -> Result<Reader<'_>, NotSoap> {
    let text = str::from_utf8(xml).map_err(|_quotes_nothing| NotSoap)?;
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    Ok(reader)
}

fn place(reader: &Reader<'_>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// An element that was just opened.
struct Child<'a> {
    tag: BytesStart<'a>,
    start: usize,
    /// Whether it is of the namespace that was asked for.
    is_within: bool,
}

/// The next element at this level, or none where the level ends.
fn next_child<'a>(reader: &mut Reader<'a>, namespace: &str) -> Result<Option<Child<'a>>, NotSoap> {
    loop {
        let start = place(reader);
        let (found, event) = reader.read_resolved_event()?;
        let is_within = found == ResolveResult::Bound(Namespace(namespace));
        match event {
            Event::Start(tag) => {
                return Ok(Some(Child {
                    tag,
                    start,
                    is_within,
                }));
            }
            Event::End(_) => return Ok(None),
            Event::Eof | Event::DocType(_) => return Err(NotSoap),
            Event::Empty(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::GeneralRef(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_) => {}
        }
    }
}

/// Opens the next element that has one of these names, past others at its level, and says which.
fn enter<'n>(
    reader: &mut Reader<'_>,
    namespace: &str,
    names: &[&'n str],
) -> Result<&'n str, NotSoap> {
    loop {
        let child = next_child(reader, namespace)?.ok_or(NotSoap)?;
        let name = child.tag.local_name().into_inner();
        let mut wanted = names.iter().filter(|_| child.is_within);
        if let Some(wanted) = wanted.find(|wanted| **wanted == name) {
            return Ok(wanted);
        }
        reader.read_to_end(child.tag.name())?;
    }
}

/// Nothing may follow that somebody could take for another message.
fn expect_end(reader: &mut Reader<'_>) -> Result<(), NotSoap> {
    loop {
        match reader.read_event()? {
            Event::Eof => return Ok(()),
            Event::Start(_) | Event::Empty(_) | Event::DocType(_) => return Err(NotSoap),
            Event::End(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::GeneralRef(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_) => {}
        }
    }
}

/// The text of an element that stands there once.
fn read_once(
    reader: &mut Reader<'_>,
    child: &Child<'_>,
    place: &mut Option<String>,
) -> Result<(), NotSoap> {
    let value = read_value(reader, &child.tag, 1)?;
    let text: Option<String> =
        serde_json::from_str(value.get()).map_err(|_quotes_input| NotSoap)?;
    if place.is_some() {
        return Err(NotSoap);
    }
    *place = text.map(|text| text.trim().to_owned());
    Ok(())
}

/// What an element says, as JSON: its text, or its own elements as an object.
fn read_value(
    reader: &mut Reader<'_>,
    tag: &BytesStart<'_>,
    depth: usize,
) -> Result<Box<RawValue>, NotSoap> {
    let mut attributes = tag.attributes();
    attributes.with_checks(false);
    let is_nil = attributes.has_nil(reader.resolver());
    let (mut text, mut members) = (String::new(), BTreeMap::new());
    loop {
        match reader.read_event()? {
            Event::Start(_) if depth == JSON_DEPTH_MAX => return Err(NotSoap),
            Event::Start(inner) => {
                let name = inner.local_name().into_inner().to_owned();
                let value = read_value(reader, &inner, depth + 1)?;
                if members.insert(name, value).is_some() {
                    return Err(NotSoap);
                }
            }
            Event::Text(part) => text.push_str(&part.xml10_content()),
            Event::CData(part) => text.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) => resolve(&reference, &mut text)?,
            Event::End(_) => break,
            Event::Eof | Event::DocType(_) => return Err(NotSoap),
            Event::Empty(_) | Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
        }
    }
    if is_nil {
        return Ok(RawValue::NULL.to_owned());
    }
    if members.is_empty() {
        return Ok(raw_text(&text));
    }
    to_raw_value(&members).map_err(|_quotes_input| NotSoap)
}

/// A number that is no character, as people paste it, is shown as one; a named entity is one of XML's own.
fn resolve(reference: &BytesRef<'_>, text: &mut String) -> Result<(), NotSoap> {
    if reference.is_char_ref() {
        let found = reference.resolve_char_ref().ok().flatten();
        text.push(found.unwrap_or(char::REPLACEMENT_CHARACTER));
    } else {
        text.push_str(resolve_predefined_entity(reference).ok_or(NotSoap)?);
    }
    Ok(())
}

/// The type of a record: what `xsi:type` says, without its prefix.
fn type_of(reader: &Reader<'_>, tag: &BytesStart<'_>) -> Option<String> {
    let mut attributes = tag.attributes();
    attributes.with_checks(false);
    let is_type = |name| {
        let (namespace, local) = reader.resolver().resolve_attribute(name);
        namespace == ResolveResult::Bound(Namespace(INSTANCE)) && local.into_inner() == "type"
    };
    let found = attributes.flatten().find(|found| is_type(found.key))?;
    let (_, local) = found.value.rsplit_once(':').unwrap_or(("", &found.value));
    Some(local.trim().to_owned())
}

/// What is declared here beyond what Salesforce always declares.
fn further_declarations(reader: &Reader<'_>) -> String {
    let bindings = reader.resolver().bindings();
    let named = bindings.map(|(prefix, namespace)| {
        let name = match prefix {
            PrefixDeclaration::Default => "xmlns".to_owned(),
            PrefixDeclaration::Named(prefix) => format!("xmlns:{prefix}"),
        };
        (name, namespace.into_inner())
    });
    named
        .filter(|(name, namespace)| !DECLARED.contains(&(name, namespace)))
        .map(|(name, namespace)| declaration(&name, namespace))
        .collect()
}

/// The namespace is written as it stood there, so that it holds one kind of quotes at most.
fn declaration(name: &str, namespace: &str) -> String {
    let quote = if namespace.contains('"') { '\'' } else { '"' };
    format!(" {name}={quote}{namespace}{quote}")
}

/// A notification within declarations, and by itself where there are none.
fn within(declarations: &str, notification: &str) -> String {
    if declarations.is_empty() {
        return notification.to_owned();
    }
    format!("<{NOTIFICATIONS}{declarations}>{notification}</{NOTIFICATIONS}>")
}

#[cfg(test)]
mod tests;
