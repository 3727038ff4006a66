//! A page's text. What is ours is a constant, everything else is escaped: there is no other way in.

/// What only a page may do: show itself. No script, no other machine, no frame around it.
pub(super) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("style.css");
/// A picture of its own, so that the browser does not ask for one.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='7' height='4' y='2' \
    fill='%232f7d5b'/%3E%3Crect x='9' width='7' height='4' y='10' fill='%232f7d5b'/%3E%3Cpath d='M8 0v16' stroke='%23b7791f' \
    stroke-dasharray='2'/%3E%3C/svg%3E";

/// A page that is being written.
pub(super) struct Html(String);

impl Html {
    /// A page with this title, which is also its heading.
    pub(super) fn page(title: &str) -> Self {
        let mut html = Self(String::with_capacity(16 * 1024));
        html.put(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\"><title>{} · leadwire</title>\
             <link rel=\"icon\" href=\"{}\"><style>",
            &[title, ICON],
        );
        html.tag(STYLE);
        html.tag("</style></head><body><header><a href=\"/\">leadwire</a></header><main>");
        html
    }

    /// Markup of ours.
    pub(super) fn tag(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Markup of ours with texts of anybody, between tags or inside the quotes of an attribute: one for each `{}`.
    pub(super) fn put(&mut self, markup: &'static str, texts: &[&str]) {
        let mut texts = texts.iter();
        for (number, part) in markup.split("{}").enumerate() {
            if number > 0 {
                self.text(texts.next().expect("a text for each place"));
            }
            self.tag(part);
        }
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ => self.0.push(c),
            }
        }
    }

    /// The page's end.
    pub(super) fn end(mut self) -> String {
        self.tag("</main></body></html>\n");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_is_text_wherever_it_stands() {
        let mut html = Html::page("</title><script>1</script>");
        html.put("<a title=\"{}\">", &["\"' onclick='x"]);
        let page = html.end();
        assert!(!page.contains("<script"), "{page}");
        assert!(
            page.contains("<a title=\"&quot;&#39; onclick=&#39;x\">"),
            "{page}"
        );
    }
}
