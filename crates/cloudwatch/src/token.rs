//! The words that metric math and the rules of composite alarms are written in.

use std::iter::Peekable;
use std::str::Chars;
use std::vec::IntoIter;

/// How deep parentheses, functions and signs may lie within each other: a reader calls itself.
const DEPTH_MAX: usize = 50;

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

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadError {
    /// A character that has no place in it.
    #[error("{0:?} has no place in it")]
    Character(char),
    /// A word or sign where another is due.
    #[error("{found} stands where {expected} is due")]
    Unexpected {
        /// What stands there.
        found: String,
        /// What should.
        expected: &'static str,
    },
    /// A function that is not known here.
    #[error("the function {0} is not known")]
    Function(String),
    /// It is nested too deeply or too long.
    #[error("it is too long or too deep")]
    TooLarge,
}

/// Where a reader stands.
pub(super) struct Cursor {
    rest: Peekable<IntoIter<Token>>,
    depth: usize,
}

impl Cursor {
    pub(super) fn new(text: &str) -> Result<Self, ReadError> {
        let tokens = split(text).map_err(ReadError::Character)?;
        Ok(Self {
            rest: tokens.into_iter().peekable(),
            depth: 0,
        })
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        self.rest.next()
    }

    /// Takes the sign, if it is next.
    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let is_next = |token: &Token| matches!(token, Token::Sign(found) if *found == sign);
        self.rest.next_if(is_next).is_some()
    }

    /// Takes the word, if it is next.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let is_next = |token: &Token| matches!(token, Token::Word(found) if found == word);
        self.rest.next_if(is_next).is_some()
    }

    pub(super) fn expect_sign(&mut self, sign: &'static str) -> Result<(), ReadError> {
        if self.take_sign(sign) {
            Ok(())
        } else {
            let found = self.next();
            Err(unexpected(found, sign))
        }
    }

    pub(super) fn expect_end(&mut self) -> Result<(), ReadError> {
        match self.next() {
            None => Ok(()),
            found => Err(unexpected(found, "the end")),
        }
    }

    /// Reads something that may hold its like.
    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        if self.depth >= DEPTH_MAX {
            return Err(ReadError::TooLarge);
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }
}

/// The error of a word in the wrong place.
pub(super) fn unexpected(found: Option<Token>, expected: &'static str) -> ReadError {
    let found = match found {
        None => "the end".to_owned(),
        Some(Token::Word(word)) => word,
        Some(Token::Number(number)) => number.to_string(),
        Some(Token::Text(text)) => format!("{text:?}"),
        Some(Token::Sign(sign)) => sign.to_owned(),
    };
    ReadError::Unexpected { found, expected }
}

/// Splits an expression. Gives back the character at which it cannot go on.
fn split(text: &str) -> Result<Vec<Token>, char> {
    let mut rest = text.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(next) = rest.peek().copied() {
        if next.is_whitespace() {
            rest.next();
        } else if next.is_ascii_digit() {
            let digits = take(&mut rest, |c| c.is_ascii_digit() || c == '.');
            tokens.push(Token::Number(digits.parse().or(Err('.'))?));
        } else if is_word(next) {
            tokens.push(Token::Word(take(&mut rest, is_word)));
        } else if next == '"' {
            rest.next();
            let inside = take(&mut rest, |c| c != '"');
            rest.next().ok_or('"')?;
            tokens.push(Token::Text(inside));
        } else {
            tokens.push(sign(&mut rest).ok_or(next)?);
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
