//! The forms of a mail: templates in Jinja, read and tried once at start.

use super::EmailText;
use super::content::{Content, Row, RowKind, Values};
use super::safe;
use super::sample;
use crate::limits::SUBJECT_CHARS_MAX;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, Output, State, context};
use std::fmt;
use std::sync::{Arc, LazyLock};

/// What a template may name.
pub const TEMPLATE_NAMES: [&str; 13] = [
    "lead_id",
    "display_name",
    "lead_email",
    "phone",
    "company",
    "message",
    "lead_owner",
    "funnel",
    "status_label",
    "created",
    "received",
    "link",
    "fields",
];
const SUBJECT: &str = "subject";
const TEXT: &str = "text";
/// The form whose values are escaped.
const HTML: &str = "html";
/// Where the values of the text begin.
const COLUMN: usize = 10;

static BUILTIN: LazyLock<MailTemplate> = LazyLock::new(|| {
    let mut engine = engine();
    let text = include_str!("mail.txt.jinja").to_owned();
    let html = with_styles(include_str!("mail.html.jinja"));
    for (name, source) in [(TEXT, text), (HTML, html)] {
        let added = engine.add_template_owned(name, source);
        added.expect("our own template, as a test says");
    }
    let own = [false; 3];
    MailTemplate(Arc::new(Forms { engine, own }))
});

/// The forms of a mail, ready to be rendered. A clone is cheap.
#[derive(Clone)]
pub struct MailTemplate(Arc<Forms>);

struct Forms {
    engine: Environment<'static>,
    /// Which of subject, text and HTML are an operator's own.
    own: [bool; 3],
}

/// An operator's own forms. What is not given is as it is without any.
#[derive(Clone, Debug, Default)]
pub struct TemplateSource {
    /// One line.
    pub subject: Option<String>,
    /// The plain part.
    pub text: Option<String>,
    /// The HTML part; values are escaped in it.
    pub html: Option<String>,
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{form}: {problem}")]
pub struct TemplateError {
    /// Which form: `subject`, `text` or `html`.
    pub form: &'static str,
    /// What is wrong, in words.
    pub problem: String,
}

impl MailTemplate {
    /// The forms that every mail has where nothing else is said.
    pub fn builtin() -> Self {
        BUILTIN.clone()
    }

    /// Takes an operator's own forms, and tries them with a lead of which everything is known and with one of which nothing is.
    ///
    /// # Errors
    /// Every mistake, not only the first.
    pub fn parse(source: TemplateSource) -> Result<Self, Vec<TemplateError>> {
        let TemplateSource {
            subject,
            text,
            html,
        } = source;
        let given = [(SUBJECT, subject), (TEXT, text), (HTML, html)];
        let own = [0, 1, 2]
            .map(|form: usize| given.get(form).is_some_and(|(_, source)| source.is_some()));
        let mut engine = BUILTIN.0.engine.clone();
        let mut mistakes = Vec::new();
        for (form, source) in given {
            let Some(source) = source else { continue };
            if let Err(error) = engine.add_template_owned(form, source) {
                mistakes.push(mistake(form, &error));
                continue;
            }
            mistakes.extend(check(&engine, form));
        }
        if mistakes.is_empty() {
            Ok(Self(Arc::new(Forms { engine, own })))
        } else {
            Err(mistakes)
        }
    }

    /// Renders a mail. `told` says who else is told. A form of an operator's that cannot be rendered after all is replaced by the built-in
    /// one: a lead is told in any case.
    pub fn render(&self, content: &Content, told: &str) -> EmailText {
        let [own_subject, own_text, own_html] = self.0.own;
        let own = |name: &str, is_own: bool| {
            let values = is_own.then(|| own_values(content))?;
            self.0.form(name, values).ok()
        };
        let form = |name: &str, is_own: bool| {
            own(name, is_own).unwrap_or_else(|| {
                let values = builtin_values(content, told);
                let form = BUILTIN.0.form(name, values);
                form.expect("our own template, as a test says")
            })
        };
        let subject = own(SUBJECT, own_subject);
        let subject = subject.and_then(|subject| safe::line(&subject, SUBJECT_CHARS_MAX));
        EmailText {
            subject: subject.unwrap_or_else(|| content.subject.clone()),
            text: form(TEXT, own_text),
            html: form(HTML, own_html),
        }
    }
}

impl fmt::Debug for MailTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailTemplate(own {:?})", self.0.own)
    }
}

impl Forms {
    fn form(&self, name: &str, values: Value) -> Result<String, Error> {
        self.engine.get_template(name)?.render(values)
    }
}

/// Puts the styles, the lines `@name style` at the beginning of a template, where its elements name them: what mail programs heed stands in
/// the elements, and a style that is written once costs nothing in each mail.
fn with_styles(source: &str) -> String {
    let begin = source.find("<!doctype").unwrap_or_default();
    let (styles, html) = source.split_at(begin);
    let styles = styles.lines().filter_map(|line| line.split_once(' '));
    styles.fold(html.to_owned(), |html, (name, style)| {
        html.replace(&format!("style=\"{name}\""), &format!("style=\"{style}\""))
    })
}

/// The engine: how values are written, and what can be done with them.
fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build();
    engine.set_syntax(syntax.expect("a syntax without delimiters of its own"));
    engine.set_auto_escape_callback(|name| {
        if name == HTML {
            AutoEscape::Html
        } else {
            AutoEscape::None
        }
    });
    engine.set_formatter(write_value);
    engine.add_filter("unlinked", |text: &str| {
        Value::from_safe_string(safe::unlinked(text))
    });
    engine.add_filter("isolated", |text: &str| safe::isolate(text).into_owned());
    engine.add_filter("column", |label: &str| {
        let label = format!("{}:", safe::isolate(label));
        format!("{label:<width$} ", width = COLUMN - 1)
    });
    engine.add_filter("indented", |lines: Vec<String>| {
        let lines: Vec<_> = lines.iter().map(|line| safe::isolate(line)).collect();
        lines
            .join(&format!("\n{:COLUMN$}", ""))
            .replace(&format!("\n{:COLUMN$}\n", ""), "\n\n")
    });
    engine
}

/// Writes a value as the form demands. The engine's own way would write `/` as an entity, also in links.
fn write_value(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    if value.is_none() || value.is_undefined() {
        return Ok(());
    }
    let is_html = matches!(state.auto_escape(), AutoEscape::Html);
    let other;
    let text = if let Some(text) = value.as_str() {
        text
    } else {
        other = value.to_string();
        &other
    };
    if is_html && !value.is_safe() {
        out.write_str(&safe::escape(text))?;
    } else {
        out.write_str(text)?;
    }
    Ok(())
}

/// Whether a form names what there is, and can be rendered whatever a lead has.
fn check(engine: &Environment<'_>, form: &'static str) -> Vec<TemplateError> {
    let template = match engine.get_template(form) {
        Ok(template) => template,
        Err(error) => return vec![mistake(form, &error)],
    };
    let is_known = |name: &str| {
        TEMPLATE_NAMES.contains(&name) || engine.globals().any(|(global, _)| global == name)
    };
    let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    unknown.retain(|name| !is_known(name));
    unknown.sort();
    let unknown = unknown.into_iter().map(|name| TemplateError {
        form,
        problem: format!(
            "there is no {name:?}; there are {}",
            TEMPLATE_NAMES.join(" ")
        ),
    });
    let failed = sample::both().into_iter().find_map(|content| {
        let rendered = template.render(own_values(&content));
        rendered.err().map(|error| mistake(form, &error))
    });
    unknown.chain(failed).collect()
}

fn mistake(form: &'static str, error: &Error) -> TemplateError {
    let line = error.line().map(|line| format!(" in line {line}"));
    let line = line.unwrap_or_default();
    let what = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    TemplateError {
        form,
        problem: format!("{what}{line}"),
    }
}

/// The names of an operator's template.
fn own_values(content: &Content) -> Value {
    let Values {
        lead_id,
        display_name,
        lead_email,
        phone,
        company,
        message,
        lead_owner,
        funnel,
        status_label,
        created,
        received,
        fields,
    } = &content.values;
    let fields = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    context! {
        lead_id,
        display_name,
        lead_email,
        phone,
        company,
        message,
        lead_owner,
        funnel,
        status_label,
        created,
        received,
        link => content.link.as_deref().unwrap_or_default(),
        fields => Value::from_pairs(fields),
    }
}

/// What the built-in templates are rendered from.
fn builtin_values(content: &Content, told: &str) -> Value {
    let groups = content.groups.iter();
    let groups = groups.map(|group| group.iter().map(row_value).collect::<Value>());
    let more = match content.left_out {
        0 => None,
        1 => Some("1 more field is not shown.".to_owned()),
        more => Some(format!("{more} more fields are not shown.")),
    };
    context! {
        title => content.title.as_str(),
        preview => content.preview.as_str(),
        note => content.note.as_deref(),
        groups => groups.collect::<Value>(),
        more,
        link => content.link.as_deref(),
        told,
        lead_id => content.values.lead_id.as_str(),
    }
}

fn row_value(row: &Row) -> Value {
    context! {
        label => row.label.as_ref(),
        lines => row.lines.iter().map(String::as_str).collect::<Value>(),
        href => row.href.as_deref(),
        is_call => row.kind == RowKind::Call,
        is_text => row.kind == RowKind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(subject: &str, text: &str, html: &str) -> Result<MailTemplate, Vec<TemplateError>> {
        let given = |source: &str| (!source.is_empty()).then(|| source.to_owned());
        MailTemplate::parse(TemplateSource {
            subject: given(subject),
            text: given(text),
            html: given(html),
        })
    }

    #[track_caller]
    fn check_mistakes(html: &str, expected: &[&str]) {
        let mistakes = parse("", "", html).err().unwrap_or_default();
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(mistakes.len(), expected.len(), "{mistakes:?}");
        for (mistake, expected) in mistakes.iter().zip(expected) {
            assert!(mistake.contains(expected), "{mistake}");
        }
    }

    #[test]
    fn a_template_replaces_the_forms_that_it_has() {
        let [full, empty] = sample::both();
        let template = parse(
            "{{ display_name }} for {{ lead_owner }}",
            "{{ phone }}|{{ fields.utm_source }}",
            "",
        )
        .unwrap();
        let mail = template.render(&full, "");
        assert_eq!(mail.subject, "Alice Example for Omar Owner");
        assert_eq!(mail.text, "+1 202 555 0143|newsletter");
        assert_eq!(mail.html, MailTemplate::builtin().render(&full, "").html);
        assert!(!mail.html.contains("=\"@"), "a style without a name");
        let mail = template.render(&empty, "");
        assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("for", "|"));
    }

    #[test]
    fn the_html_of_a_template_is_escaped_and_its_subject_is_one_line() {
        let [full, _] = sample::both();
        let template = parse(
            "a\n{{ company }}",
            "",
            "<p title=\"{{ company }}\">{{ company }}</p><a href=\"{{ link }}\">x</a>",
        )
        .unwrap();
        let mail = template.render(&full, "");
        assert_eq!(mail.subject, "a Example & Sons <ltd>");
        let escaped = "Example &amp; Sons &lt;ltd&gt;";
        let link = "https://crm.example/lead/sample-1/";
        assert_eq!(
            mail.html,
            format!("<p title=\"{escaped}\">{escaped}</p><a href=\"{link}\">x</a>")
        );
    }

    #[test]
    fn every_mistake_in_a_template_is_reported_at_once() {
        check_mistakes(
            "{{ display_name }}{% for name, value in fields|items %}{{ name }}{{ value }}{% endfor %}{{ company|upper }}",
            &[],
        );
        check_mistakes(
            "{{ dispaly_name }} {{ phon }}",
            &["no \"dispaly_name\"", "no \"phon\""],
        );
        check_mistakes("{% if phone %}", &["html: "]);
        check_mistakes("{{ phone|nofilter }}", &["html: "]);
        // What only a lead that lacks it shows.
        check_mistakes("{{ phone[0]|upper }}{{ 1 // phone|length }}", &["html: "]);
        let mistakes = parse("{{ a }}", "{{ b }}", "{{ c }}").err().unwrap();
        let forms: Vec<&str> = mistakes.iter().map(|mistake| mistake.form).collect();
        assert_eq!(forms, ["subject", "text", "html"]);
    }

    #[test]
    fn what_is_printed_for_debugging_is_no_template() {
        assert_eq!(
            format!("{:?}", MailTemplate::builtin()),
            "MailTemplate(own [false, false, false])"
        );
    }
}
