//! One pass over the text of a JSON document, stricter than `serde_json`: it finds duplicate keys and deep nesting in places that a lazy
//! reader skips, and never turns a number into a float. A lone surrogate, which editors leave where they cut a text, is read as U+FFFD. A
//! text that could go on is cut off, any other mistake is invalid.

use super::{JsonError, raw_text};
use crate::limits::JSON_DEPTH_MAX;
use std::borrow::Cow;
use std::ops::Range;

/// A member: its decoded name and what was read of its value.
pub(super) type Member<'a, T> = (Cow<'a, str>, T);
/// How a value is read that stands at a depth, when it nests.
type Read<'a, T> = fn(&mut Scanner<'a>, usize) -> Result<T, JsonError>;

/// The members of a document that is an object, with their verbatim values, or `None` when it is another well formed value.
pub(super) fn members(text: &str) -> Result<Option<Vec<Member<'_, &str>>>, JsonError> {
    document(text, |scanner, depth| {
        if scanner.peek() == Some(b'{') {
            scanner.object(depth, Scanner::value).map(Some)
        } else {
            scanner.skip(depth).map(|()| None)
        }
    })
}

/// The members of a document that is an object, with where their values stand, or `None` when it is another well formed value.
pub(super) fn ranges(text: &str) -> Result<Option<Vec<Member<'_, Range<usize>>>>, JsonError> {
    document(text, |scanner, depth| {
        if scanner.peek() == Some(b'{') {
            scanner.object(depth, Scanner::range).map(Some)
        } else {
            scanner.skip(depth).map(|()| None)
        }
    })
}

/// One text for all ways to write a document: without white space, members sorted, strings escaped alike, numbers by their digits.
pub(super) fn canonical(text: &str) -> Result<String, JsonError> {
    document(text, Scanner::canonical)
}

/// The characters of a document that is a string.
pub(super) fn string(text: &str) -> Result<String, JsonError> {
    document(text, |scanner, _depth| {
        scanner.string().map(Cow::into_owned)
    })
}

/// Where a document stops being JSON: how many bytes of it could begin one.
pub(super) fn fault(text: &str) -> Option<usize> {
    let mut scanner = Scanner { text, position: 0 };
    let read = scanner.whole(Scanner::skip);
    let is_syntax = matches!(read, Err(JsonError::CutOff | JsonError::Invalid));
    is_syntax.then_some(scanner.position)
}

fn document<'a, T>(text: &'a str, read: Read<'a, T>) -> Result<T, JsonError> {
    Scanner { text, position: 0 }.whole(read)
}

struct Scanner<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Scanner<'a> {
    fn whole<T>(&mut self, read: Read<'a, T>) -> Result<T, JsonError> {
        self.skip_space();
        let found = read(self, 1)?;
        self.skip_space();
        match self.peek() {
            None => Ok(found),
            Some(_) => Err(JsonError::Invalid),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn next(&mut self) -> Result<u8, JsonError> {
        let byte = self.peek().ok_or(JsonError::CutOff)?;
        self.position += 1;
        Ok(byte)
    }

    /// What was read last must not stand there: the fault is before it.
    fn not_that(&mut self) -> JsonError {
        self.position = self.position.saturating_sub(1);
        JsonError::Invalid
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.eat(byte) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// What is wrong where something else must stand here.
    fn unexpected(&self) -> JsonError {
        match self.peek() {
            None => JsonError::CutOff,
            Some(_) => JsonError::Invalid,
        }
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) -> usize {
        let start = self.position;
        while self.peek().is_some_and(&wanted) {
            self.position += 1;
        }
        self.position - start
    }

    fn skip_space(&mut self) {
        self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    fn since(&self, start: usize) -> Result<&'a str, JsonError> {
        self.text
            .get(start..self.position)
            .ok_or(JsonError::Invalid)
    }

    /// Skips one value and gives its text.
    fn value(&mut self, depth: usize) -> Result<&'a str, JsonError> {
        let start = self.position;
        self.skip(depth)?;
        self.since(start)
    }

    /// Skips one value and gives where it stands.
    fn range(&mut self, depth: usize) -> Result<Range<usize>, JsonError> {
        let start = self.position;
        self.skip(depth)?;
        Ok(start..self.position)
    }

    fn skip(&mut self, depth: usize) -> Result<(), JsonError> {
        match self.peek().ok_or(JsonError::CutOff)? {
            b'{' => self.object(depth, Self::skip).map(drop),
            b'[' => self.array(depth, Self::skip).map(drop),
            b'"' => self.string().map(drop),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            _ => self.number(),
        }
    }

    fn canonical(&mut self, depth: usize) -> Result<String, JsonError> {
        match self.peek() {
            Some(b'{') => {
                let members = self.object(depth, Self::canonical)?;
                let members: Vec<String> = members
                    .into_iter()
                    .map(|(name, value)| format!("{}:{value}", raw_text(&name)))
                    .collect();
                Ok(format!("{{{}}}", members.join(",")))
            }
            Some(b'[') => Ok(format!(
                "[{}]",
                self.array(depth, Self::canonical)?.join(",")
            )),
            Some(b'"') => Ok(raw_text(&self.string()?).get().to_owned()),
            _ => self.value(depth).map(str::to_owned),
        }
    }

    /// The members of an object, sorted by name.
    fn object<T>(
        &mut self,
        depth: usize,
        read: Read<'a, T>,
    ) -> Result<Vec<Member<'a, T>>, JsonError> {
        self.open(b'{', depth)?;
        let mut members = Vec::new();
        if !self.eat(b'}') {
            loop {
                self.skip_space();
                let name = self.string()?;
                self.skip_space();
                self.expect(b':')?;
                self.skip_space();
                members.push((name, read(self, depth + 1)?));
                self.skip_space();
                if self.next_is_end(b'}')? {
                    break;
                }
            }
        }
        sort_distinct(members)
    }

    fn array<T>(&mut self, depth: usize, read: Read<'a, T>) -> Result<Vec<T>, JsonError> {
        self.open(b'[', depth)?;
        let mut items = Vec::new();
        if self.eat(b']') {
            return Ok(items);
        }
        loop {
            self.skip_space();
            items.push(read(self, depth + 1)?);
            self.skip_space();
            if self.next_is_end(b']')? {
                return Ok(items);
            }
        }
    }

    fn open(&mut self, bracket: u8, depth: usize) -> Result<(), JsonError> {
        if depth > JSON_DEPTH_MAX {
            return Err(JsonError::TooDeep);
        }
        self.expect(bracket)?;
        self.skip_space();
        Ok(())
    }

    /// Whether the list ends here; else a comma must stand here.
    fn next_is_end(&mut self, bracket: u8) -> Result<bool, JsonError> {
        match self.next()? {
            b',' => Ok(false),
            byte if byte == bracket => Ok(true),
            _ => Err(self.not_that()),
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), JsonError> {
        word.bytes().try_for_each(|byte| self.expect(byte))
    }

    fn number(&mut self) -> Result<(), JsonError> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _sign = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        match self.skip_while(|byte| byte.is_ascii_digit()) {
            0 => Err(self.unexpected()),
            _ => Ok(()),
        }
    }

    /// One string, decoded: borrowed unless it has escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.expect(b'"')?;
        let mut start = self.position;
        let mut decoded = String::new();
        loop {
            self.skip_while(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
            let run = self.since(start)?;
            match self.next()? {
                b'"' if decoded.is_empty() => return Ok(Cow::Borrowed(run)),
                b'"' => return Ok(Cow::Owned(decoded + run)),
                b'\\' => {
                    decoded.push_str(run);
                    decoded.push(self.escape()?);
                    start = self.position;
                }
                _ => return Err(self.not_that()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        Ok(match self.next()? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(self.not_that()),
        })
    }

    /// The code point after `\u`; U+FFFD for a surrogate that is not one of a pair.
    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.hex4()?;
        if !(0xd800..0xdc00).contains(&first) {
            // A low surrogate alone is no character either.
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let alone = self.position;
        if self.eat(b'\\') && self.eat(b'u') {
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return char::from_u32(code).ok_or(JsonError::Invalid);
            }
        }
        self.position = alone;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = char::from(self.next()?).to_digit(16);
            value = value * 16 + digit.ok_or_else(|| self.not_that())?;
        }
        Ok(value)
    }
}

/// Sorting costs `n log n` whatever the names are, so that no choice of keys makes it slow.
fn sort_distinct<T>(mut members: Vec<Member<'_, T>>) -> Result<Vec<Member<'_, T>>, JsonError> {
    members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let is_twice = members
        .iter()
        .zip(members.iter().skip(1))
        .any(|((one, _), (other, _))| one == other);
    if is_twice {
        Err(JsonError::DuplicateKey)
    } else {
        Ok(members)
    }
}
