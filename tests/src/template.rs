//! `template.yaml` as JSON: YAML's anchors resolved, `CloudFormation`'s short tags written out.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a parser names the events that it wants"
)]

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};
use serde_json::{Map, Value, json};

/// Where the template lies.
pub fn path() -> Result<PathBuf> {
    Ok(crate::program::workspace()?.join("template.yaml"))
}

/// Reads the project's template.
pub fn read() -> Result<Value> {
    let path = path()?;
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    parse(&text)
}

/// Turns the YAML of a template into the JSON that `CloudFormation` takes as well.
///
/// # Errors
/// It is not YAML, or uses something that templates do not use.
pub fn parse(text: &str) -> Result<Value> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
    };
    loop {
        match reader.next()? {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            event => return reader.value(event),
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Value>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>> {
        let (event, _span) = self.parser.next().context("the document breaks off")??;
        Ok(event)
    }

    fn value(&mut self, event: Event<'a>) -> Result<Value> {
        let (anchor, value) = match event {
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).context("an unknown anchor")?;
                return Ok(value.clone());
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = match &tag {
                    None if style == ScalarStyle::Plain => plain(&text),
                    _ => Value::String(text.into_owned()),
                };
                (anchor, written_out(tag.as_deref(), value))
            }
            Event::SequenceStart(anchor, tag) => {
                (anchor, written_out(tag.as_deref(), self.sequence()?))
            }
            Event::MappingStart(anchor, tag) => {
                (anchor, written_out(tag.as_deref(), self.mapping()?))
            }
            other => bail!("unexpected in a template: {other:?}"),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn sequence(&mut self) -> Result<Value> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(Value::Array(items)),
                event => items.push(self.value(event)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Value> {
        let mut members = Map::new();
        loop {
            match self.next()? {
                Event::MappingEnd => return Ok(Value::Object(members)),
                Event::Scalar(name, ..) => {
                    let event = self.next()?;
                    let value = self.value(event)?;
                    members.insert(name.into_owned(), value);
                }
                other => bail!("a name that is no scalar: {other:?}"),
            }
        }
    }
}

/// `!Ref X` is `{"Ref": "X"}`, `!GetAtt X.Y` is `{"Fn::GetAtt": ["X", "Y"]}`, any other tag is a function.
fn written_out(tag: Option<&Tag>, value: Value) -> Value {
    let Some(tag) = tag.filter(|tag| tag.handle == "!") else {
        return value;
    };
    match (tag.suffix.as_str(), &value) {
        ("Ref" | "Condition", _) => json!({ (&tag.suffix): value }),
        ("GetAtt", Value::String(path)) => {
            let (resource, attribute) = path.split_once('.').unwrap_or((path, ""));
            json!({"Fn::GetAtt": [resource, attribute]})
        }
        (name, _) => json!({ (format!("Fn::{name}")): value }),
    }
}

/// A plain scalar is what it is in JSON, where it is JSON.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" => Value::Null,
        _ => serde_json::from_str(text).unwrap_or_else(|_text| text.into()),
    }
}
