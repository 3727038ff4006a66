//! The text of an object that is changed in a few places and stays as it came in all others.

use super::{JsonError, scan, without_byte_order_mark};
use std::ops::Range;

/// An object's text, and where the values of its own members stand in it.
pub(crate) struct Spans<'a> {
    text: &'a str,
    /// By place.
    values: Vec<(String, Range<usize>)>,
}

impl<'a> Spans<'a> {
    /// Of a document that [`Object::parse`](super::Object::parse) takes.
    pub(crate) fn of(document: &'a [u8]) -> Result<Self, JsonError> {
        let text = str::from_utf8(without_byte_order_mark(document));
        let text = text.map_err(|_quotes_nothing| JsonError::Invalid)?;
        let members = scan::ranges(text)?.ok_or(JsonError::NotObject)?;
        let owned = members.into_iter();
        let mut values: Vec<_> = owned
            .map(|(name, value)| (name.into_owned(), value))
            .collect();
        values.sort_unstable_by_key(|(_, value)| value.start);
        Ok(Self { text, values })
    }

    /// The text without a member and the comma that parts it from its neighbour.
    pub(crate) fn without(&self, name: &str) -> String {
        let Some(place) = self.values.iter().position(|(own, _)| own == name) else {
            return self.text.to_owned();
        };
        let end = |place: usize| self.values.get(place).map(|(_, value)| value.end);
        // What precedes a member begins where its neighbour's value ends, or after the brace.
        let before = place.checked_sub(1).and_then(end);
        let own = end(place).unwrap_or_default();
        let (start, end) = match before {
            Some(before) => (before, own),
            None => (
                self.after(0, '{'),
                if self.values.len() > 1 {
                    self.after(own, ',')
                } else {
                    own
                },
            ),
        };
        self.spliced(&[(start..end, "")])
    }

    /// The text with other values where these members are.
    pub(crate) fn with(&self, values: &[(&str, &str)]) -> String {
        let changed = self.values.iter().filter_map(|(name, place)| {
            let (_, value) = values.iter().find(|(changed, _)| changed == name)?;
            Some((place.clone(), *value))
        });
        self.spliced(&changed.collect::<Vec<_>>())
    }

    /// Behind the next of these characters; nothing but white space stands before it.
    fn after(&self, start: usize, mark: char) -> usize {
        let rest = self.text.get(start..).unwrap_or_default();
        start + rest.find(mark).map_or(0, |place| place + mark.len_utf8())
    }

    fn spliced(&self, changes: &[(Range<usize>, &str)]) -> String {
        let mut spliced = String::with_capacity(self.text.len());
        let mut kept = 0;
        for (range, text) in changes {
            spliced.push_str(self.text.get(kept..range.start).unwrap_or_default());
            spliced.push_str(text);
            kept = range.end;
        }
        spliced.push_str(self.text.get(kept..).unwrap_or_default());
        spliced
    }
}

#[cfg(test)]
mod tests {
    use super::super::Object;
    use super::*;
    use crate::sample::{cases, document, members, object, quoted, verbatim};
    use proptest::prelude::*;

    #[track_caller]
    fn check(document: &str, without: &str, with: &str) {
        let spans = Spans::of(document.as_bytes()).unwrap();
        assert_eq!(spans.without("t"), without);
        assert_eq!(spans.with(&[("t", "[1]")]), with);
    }

    #[test]
    fn a_member_goes_with_its_comma_and_all_else_stays() {
        check(r#"{"t":"x"}"#, "{}", r#"{"t":[1]}"#);
        check(r#" { "t" : "x" } "#, " { } ", r#" { "t" : [1] } "#);
        check(r#"{"t":"x", "a":1}"#, r#"{ "a":1}"#, r#"{"t":[1], "a":1}"#);
        check(
            r#"{"a":1, "t":"x" , "b":2}"#,
            r#"{"a":1 , "b":2}"#,
            r#"{"a":1, "t":[1] , "b":2}"#,
        );
        check(
            "{\"b\":2,\n\"t\":{\"t\":\",\"}\n}",
            "{\"b\":2\n}",
            "{\"b\":2,\n\"t\":[1]\n}",
        );
        check(r#"{"\u0074":"x"}"#, "{}", r#"{"\u0074":[1]}"#);
        check(r#"{"a":{"t":1}}"#, r#"{"a":{"t":1}}"#, r#"{"a":{"t":1}}"#);
        check("\u{feff}{}", "{}", "{}");
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn only_the_member_changes(members in members(), place in any::<prop::sample::Index>()) {
            prop_assume!(!members.is_empty());
            let text = document(members.iter());
            let (name, _) = members.iter().nth(place.index(members.len())).unwrap();
            let spans = Spans::of(text.as_bytes()).unwrap();
            let mut less = members.clone();
            less.remove(name);
            let parsed = |text: String| verbatim(&Object::parse(text.as_bytes()).unwrap());
            prop_assert_eq!(parsed(spans.without(name)), verbatim(&object(&less)));
            let mut other = members.clone();
            other.insert(name.clone(), quoted(name));
            prop_assert_eq!(parsed(spans.with(&[(name, &quoted(name))])), verbatim(&object(&other)));
        }
    }
}
