//! The words that metric math and the rules of composite alarms are written in.

use std::iter::Peekable;
use std::str::Chars;
use std::vec::IntoIter;

/// How deep parentheses, functions and signs may lie within each other: a reader calls itself.
const DEPTH_MAX: usize = 50;
const TOO_LARGE: &str = "it is too long or too deep";

/// A word of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// An id, a function or an operator's name.
    Word(String),
    /// A number without a sign.
    Number(f64),
    /// A text in quotation marks.
    Text(String),
    /// A sign, such as `>=`.
    Sign(&'static str),
}

/// The longer ones first, so that `>=` is not read as `>`.
const SIGNS: [&str; 15] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "(", ")", ",",
];

/// Why a text is no expression or no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {kind} {text:?} cannot be read: {why}")]
pub struct ReadError {
    kind: &'static str,
    text: String,
    why: String,
}

/// Reads the whole of a text that has at most so many bytes.
pub(super) fn read<T>(
    kind: &'static str,
    text: &str,
    bytes_max: usize,
    whole: impl FnOnce(&mut Cursor) -> Result<T, String>,
) -> Result<T, ReadError> {
    let read = || {
        if text.len() > bytes_max {
            return Err(TOO_LARGE.to_owned());
        }
        let mut cursor = Cursor {
            rest: split(text)?.into_iter().peekable(),
            depth: 0,
        };
        let read = whole(&mut cursor)?;
        match cursor.next() {
            None => Ok(read),
            found => Err(unexpected(found, "the end")),
        }
    };
    read().map_err(|why| ReadError {
        kind,
        text: text.to_owned(),
        why,
    })
}

/// Where a reader stands.
pub(super) struct Cursor {
    rest: Peekable<IntoIter<Token>>,
    depth: usize,
}

impl Cursor {
    pub(super) fn next(&mut self) -> Option<Token> {
        self.rest.next()
    }

    /// Takes the sign, if it is next.
    pub(super) fn take_sign(&mut self, sign: &'static str) -> bool {
        self.rest.next_if_eq(&Token::Sign(sign)).is_some()
    }

    /// Takes the word, if it is next.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let is_next = |token: &Token| matches!(token, Token::Word(found) if found == word);
        self.rest.next_if(is_next).is_some()
    }

    pub(super) fn expect_sign(&mut self, sign: &'static str) -> Result<(), String> {
        if self.take_sign(sign) {
            Ok(())
        } else {
            Err(unexpected(self.next(), sign))
        }
    }

    /// Reads something that may hold its like.
    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        if self.depth >= DEPTH_MAX {
            return Err(TOO_LARGE.to_owned());
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }
}

/// The error of a word in the wrong place.
pub(super) fn unexpected(found: Option<Token>, expected: &str) -> String {
    let found = match found {
        None => "the end".to_owned(),
        Some(Token::Word(word)) => word,
        Some(Token::Number(number)) => number.to_string(),
        Some(Token::Text(text)) => format!("{text:?}"),
        Some(Token::Sign(sign)) => sign.to_owned(),
    };
    format!("{found} stands where {expected} is due")
}

fn split(text: &str) -> Result<Vec<Token>, String> {
    let misplaced = |c: char| format!("{c:?} has no place in it");
    let mut rest = text.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(next) = rest.peek().copied() {
        if next.is_whitespace() {
            rest.next();
        } else if next.is_ascii_digit() {
            let digits = take(&mut rest, |c| c.is_ascii_digit() || c == '.');
            let number = digits.parse().ok().ok_or_else(|| misplaced('.'))?;
            tokens.push(Token::Number(number));
        } else if is_word(next) {
            tokens.push(Token::Word(take(&mut rest, is_word)));
        } else if next == '"' {
            rest.next();
            let inside = take(&mut rest, |c| c != '"');
            rest.next().ok_or_else(|| misplaced('"'))?;
            tokens.push(Token::Text(inside));
        } else {
            tokens.push(sign(&mut rest).ok_or_else(|| misplaced(next))?);
        }
    }
    Ok(tokens)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn take(rest: &mut Peekable<Chars<'_>>, wanted: impl Fn(char) -> bool) -> String {
    let mut taken = String::new();
    while let Some(next) = rest.next_if(|c| wanted(*c)) {
        taken.push(next);
    }
    taken
}

fn sign(rest: &mut Peekable<Chars<'_>>) -> Option<Token> {
    let here: String = rest.clone().take(2).collect();
    let found = SIGNS.into_iter().find(|sign| here.starts_with(sign))?;
    for _ in found.chars() {
        rest.next();
    }
    Some(Token::Sign(found))
}
