//! Whole requests to one source, as its CRM sends them, and what becomes of them.

use crate::source::{
    Delivery, Event, EventFilter, Extracted, Headers, SourceConfig, SourceKind, Sources, Unverified,
};
use jiff::Timestamp;

/// A request.
#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    pub(super) query: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

/// The one source of a document.
#[track_caller]
pub(super) fn configured(document: &str) -> SourceConfig {
    let sources = Sources::parse(document).unwrap_or_else(|error| panic!("{error}"));
    sources.iter().next().unwrap().clone()
}

/// Every mistake in the members of a source of this kind.
#[track_caller]
pub(super) fn mistakes(kind: &str, members: &str) -> Vec<String> {
    let document = format!("{{{kind:?}:{members}}}");
    let error = Sources::parse(&document).expect_err(members).to_string();
    let prefix = format!("{kind}: ");
    let each = error.split(&prefix).skip(1);
    each.map(|wrong| wrong.trim_end_matches("; ").to_owned())
        .collect()
}

/// As a carrier gives them: no value that is not visible ASCII.
impl Headers for Call {
    fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(own, _)| *own == name)?;
        let is_visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        Some(value.as_str()).filter(|value| value.bytes().all(is_visible))
    }

    fn contains(&self, name: &str) -> bool {
        self.headers.iter().any(|(own, _)| *own == name)
    }
}

impl Call {
    pub(super) fn new(headers: &[(&'static str, &str)], body: impl AsRef<[u8]>) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        Self {
            query: String::new(),
            headers: headers.collect(),
            body: body.as_ref().to_vec(),
        }
    }

    pub(super) fn with_query(self, query: &str) -> Self {
        Self {
            query: query.to_owned(),
            ..self
        }
    }

    pub(super) fn verify(&self, source: &SourceConfig, at: Timestamp) -> Result<(), Unverified> {
        self.cleaned(source, at).map(drop)
    }

    /// What is read of the body once it is verified.
    pub(super) fn cleaned(
        &self,
        source: &SourceConfig,
        at: Timestamp,
    ) -> Result<String, Unverified> {
        let delivery = Delivery {
            method: "POST",
            path: "/ingest",
            query: &self.query,
            headers: self,
            body: &self.body,
            received_at: at,
        };
        let verified = source.verify(&delivery)?;
        assert!(verified.is_signed);
        Ok(String::from_utf8(verified.body.into_owned()).unwrap())
    }

    /// This request with each bit of this part changed, one at a time.
    pub(super) fn flipped(&self, part: impl Fn(&mut Self) -> &mut Vec<u8>) -> Vec<Self> {
        let bits = part(&mut self.clone()).len() * 8;
        let flip = |bit: usize| {
            let mut other = self.clone();
            part(&mut other)[bit / 8] ^= 1 << (bit % 8);
            other
        };
        (0..bits).map(flip).collect()
    }

    /// This request with each bit of the value of a header changed, one at a time.
    pub(super) fn flipped_header(&self, name: &str) -> Vec<Self> {
        let place = self
            .headers
            .iter()
            .position(|(own, _)| *own == name)
            .unwrap();
        let of = |text: &str| Self {
            body: text.as_bytes().to_vec(),
            ..Self::default()
        };
        let flipped = of(&self.headers[place].1).flipped(|call| &mut call.body);
        flipped
            .into_iter()
            .map(|value| {
                let mut other = self.clone();
                other.headers[place].1 = String::from_utf8_lossy(&value.body).into_owned();
                other
            })
            .collect()
    }

    /// This request with each bit of the query changed, one at a time.
    pub(super) fn flipped_query(&self) -> Vec<Self> {
        let of = Self {
            body: self.query.as_bytes().to_vec(),
            ..Self::default()
        };
        let flipped = of.flipped(|call| &mut call.body).into_iter();
        let query = |value: Self| String::from_utf8_lossy(&value.body).into_owned();
        flipped
            .map(|value| Self {
                query: query(value),
                ..self.clone()
            })
            .collect()
    }
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// The elements of a cleaned body.
#[track_caller]
pub(super) fn split(source: &SourceConfig, body: impl AsRef<[u8]>) -> Vec<String> {
    let body = body.as_ref();
    let elements = source
        .split(body)
        .unwrap_or_else(|problem| panic!("{problem:?}"));
    elements
        .into_iter()
        .map(|element| String::from_utf8(element.into_owned()).unwrap())
        .collect()
}

/// What an element is: `lead event-id time {fields}`, `ignored type`, or the code of the problem.
pub(super) fn read(kind: SourceKind, element: &str) -> String {
    let types = kind.default_events().unwrap();
    match kind.parse(element.as_bytes(), EventFilter::Types(&types)) {
        Ok(Extracted::Event(event)) => {
            let again = kind.parse(element.as_bytes(), EventFilter::All);
            assert!(matches!(again, Ok(Extracted::Event(same)) if same.lead_id == event.lead_id));
            render(&event)
        }
        Ok(Extracted::Ignored(event_type)) => format!("ignored {event_type}"),
        Err(problem) => problem.code().to_owned(),
    }
}

fn render(event: &Event) -> String {
    let id = event.event_id.as_ref().map_or("-", |id| id.as_str());
    let time = event
        .time
        .map_or_else(|| "-".to_owned(), |time| time.to_string());
    let fields = event.fields.iter().filter(|(name, _)| *name != "lead_id");
    let fields: Vec<_> = fields
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let fixed = if event.is_time_fixed { " fixed" } else { "" };
    format!("{} {id} {time}{fixed} {}", event.lead_id, fields.join(" "))
}
