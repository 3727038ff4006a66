//! What a sender signs: a text with parts of the request in it, `{timestamp}.{body}`.

/// A part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Body,
    /// As its header has it.
    Timestamp,
    Method,
    Url,
    /// A header's value, by its lower-case name.
    Header(String),
}

/// Its parts, in their order.
pub(super) fn parse(template: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        let (name, after) = after
            .split_once('}')
            .ok_or("has a { without its }".to_owned())?;
        push_text(&mut parts, text)?;
        parts.push(part(name)?);
        rest = after;
    }
    push_text(&mut parts, rest)?;
    Ok(parts)
}

fn push_text(parts: &mut Vec<Part>, text: &str) -> Result<(), String> {
    if text.contains('}') {
        return Err("has a } without its {".to_owned());
    }
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
    Ok(())
}

fn part(name: &str) -> Result<Part, String> {
    Ok(match name {
        "body" => Part::Body,
        "timestamp" => Part::Timestamp,
        "method" => Part::Method,
        "url" => Part::Url,
        _ => match name.strip_prefix("header:") {
            Some(header) if super::is_header_name(header) => Part::Header(header.to_lowercase()),
            _ => {
                let known = "{body}, {timestamp}, {method}, {url} and {header:<name>}";
                return Err(format!("has a part that is none of {known}"));
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_texts_and_parts() {
        let parts = parse("v0:{timestamp}:{body}{method} {url}{header:X-Id}").unwrap();
        let text = |text: &str| Part::Text(text.to_owned());
        assert_eq!(
            parts,
            [
                text("v0:"),
                Part::Timestamp,
                text(":"),
                Part::Body,
                Part::Method,
                text(" "),
                Part::Url,
                Part::Header("x-id".to_owned())
            ]
        );
        for wrong in [
            "{",
            "}",
            "{body",
            "body}",
            "{bdy}",
            "{}",
            "{header:}",
            "{header:a b}",
            "{{body}}",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
