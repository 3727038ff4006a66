//! What a browser would see in a document, by a tokenizer of the WHATWG's.

use html5gum::{Token, Tokenizer};

/// One thing in a document that is not text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// An element's begin, with its attributes by name.
    Start(String, Vec<(String, String)>),
    /// An element's end.
    End(String),
    /// A comment, a document type, or a breach of the syntax: what it says.
    Other(String),
}

/// Every mark of a document, in order, and the texts between them.
pub(crate) fn read(html: &str) -> (Vec<Mark>, Vec<String>) {
    let (mut marks, mut texts) = (Vec::new(), Vec::new());
    for Ok(token) in Tokenizer::new(html) {
        match token {
            Token::StartTag(tag) => {
                let attributes = tag.attributes.iter();
                let attributes = attributes.map(|(name, value)| (shown(name), shown(value)));
                marks.push(Mark::Start(shown(&tag.name), attributes.collect()));
            }
            Token::EndTag(tag) => marks.push(Mark::End(shown(&tag.name))),
            Token::String(text) => texts.push(shown(&text)),
            token @ (Token::Comment(_) | Token::Doctype(_) | Token::Error(_)) => {
                marks.push(Mark::Other(format!("{token:?}")));
            }
        }
    }
    (marks, texts)
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
