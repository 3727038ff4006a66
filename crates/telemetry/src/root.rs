//! The root object of a line, built member by member.

use serde::Serialize;
use std::borrow::Cow;
use std::ops::Range;

/// A JSON object under construction. No member can stand in it twice, and one that cannot be written leaves no trace.
pub(crate) struct Root {
    bytes: Vec<u8>,
    members: Vec<(Cow<'static, str>, Range<usize>)>,
}

impl Root {
    /// An object without members.
    pub(crate) fn open() -> Self {
        let mut bytes = Vec::with_capacity(1024);
        bytes.push(b'{');
        Self {
            bytes,
            members: Vec::with_capacity(16),
        }
    }

    /// Adds a member, unless there is one of that name or the value cannot be written. Says whether it was added.
    pub(crate) fn put(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        value: &(impl Serialize + ?Sized),
    ) -> bool {
        let name = name.into();
        if self.get(&name).is_some() {
            return false;
        }
        let before = self.bytes.len();
        if let Ok(written) = self.write(&name, value) {
            self.members.push((name, written));
            return true;
        }
        self.bytes.truncate(before);
        false
    }

    fn write(
        &mut self,
        name: &str,
        value: &(impl Serialize + ?Sized),
    ) -> serde_json::Result<Range<usize>> {
        if !self.members.is_empty() {
            self.bytes.push(b',');
        }
        serde_json::to_writer(&mut self.bytes, name)?;
        self.bytes.push(b':');
        let start = self.bytes.len();
        serde_json::to_writer(&mut self.bytes, value)?;
        Ok(start..self.bytes.len())
    }

    /// A member's JSON.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        let (_, written) = self.members.iter().find(|(known, _)| known == name)?;
        self.bytes.get(written.clone())
    }

    /// Whether a member is, or could become, this text.
    pub(crate) fn agrees(&self, name: &str, text: &str) -> bool {
        self.get(name)
            .is_none_or(|json| serde_json::to_vec(text).is_ok_and(|wanted| json == wanted))
    }

    /// How long it is so far.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The finished line.
    pub(crate) fn close(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(b"}\n");
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::ser::{Error as _, Serializer};

    struct Broken;

    impl Serialize for Broken {
        fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("broken"))
        }
    }

    #[test]
    fn a_member_stands_once_and_one_that_cannot_be_written_not_at_all() {
        let mut root = Root::open();
        assert!(!root.put("first", &Broken));
        assert!(root.put("a\"b", &1));
        assert!(!root.put("a\"b", &2));
        assert!(!root.put("broken", &("half", Broken)));
        assert!(root.put("c", "é\n"));
        assert_eq!(root.get("a\"b"), Some(b"1".as_slice()));
        assert!(root.agrees("c", "é\n") && root.agrees("missing", "x") && !root.agrees("c", "e"));
        let line = String::from_utf8(root.close()).unwrap();
        assert_eq!(line, "{\"a\\\"b\":1,\"c\":\"é\\n\"}\n");
    }

    #[test]
    fn an_object_without_members_is_one_too() {
        assert_eq!(Root::open().close(), b"{}\n");
    }
}
