//! The HTML part: one fixed frame. Values stand in element content only, escaped; the one attribute that varies is our own link.

use super::View;

const STYLE_PAGE: &str = "margin:0;padding:24px;background:#f4f5f7;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;color:#172b4d";
const STYLE_CARD: &str = "max-width:560px;margin:0 auto;background:#ffffff;border:1px solid #dfe1e6;border-radius:8px;border-collapse:separate";
const STYLE_KICKER: &str = "padding:24px 24px 0;font-size:13px;color:#5e6c84";
const STYLE_TITLE: &str =
    "padding:4px 24px 16px;font-size:22px;font-weight:600;word-break:break-word";
const STYLE_LABEL: &str = "padding:8px 12px 8px 24px;width:88px;font-size:14px;color:#5e6c84;vertical-align:top;text-align:left;font-weight:normal";
const STYLE_VALUE: &str =
    "padding:8px 24px 8px 0;font-size:14px;vertical-align:top;word-break:break-word";
const STYLE_FOOT: &str = "padding:16px 24px 24px";
const STYLE_BUTTON: &str = "display:inline-block;padding:10px 18px;background:#0052cc;color:#ffffff;font-size:14px;text-decoration:none;border-radius:4px";

/// Renders the HTML part.
pub(super) fn render(view: &View) -> String {
    let rows: String = view
        .rows
        .iter()
        .map(|(label, value)| render_row(label, value))
        .collect();
    let foot = view.link.as_deref().map(render_link).unwrap_or_default();
    format!(
        r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>New lead</title></head>
<body style="{STYLE_PAGE}">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="{STYLE_CARD}">
<tr><td colspan="2" style="{STYLE_KICKER}">New lead</td></tr>
<tr><td colspan="2" style="{STYLE_TITLE}"><bdi>{title}</bdi></td></tr>
{rows}{foot}</table>
</body>
</html>
"#,
        title = escape(&view.title),
    )
}

/// `bdi` keeps a value of another reading direction from reordering what stands around it.
fn render_row(label: &str, value: &str) -> String {
    format!(
        "<tr><th scope=\"row\" style=\"{STYLE_LABEL}\">{label}</th><td style=\"{STYLE_VALUE}\"><bdi>{}</bdi></td></tr>\n",
        escape(value)
    )
}

fn render_link(url: &str) -> String {
    format!(
        "<tr><td colspan=\"2\" style=\"{STYLE_FOOT}\"><a href=\"{}\" style=\"{STYLE_BUTTON}\">Open in the CRM</a></td></tr>\n",
        escape(url)
    )
}

/// Escapes all five characters that mean something in HTML, in content and in attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
