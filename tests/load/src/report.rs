//! What came of a run: figures and promises, for a person or for a program.

use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Examples that are shown of what broke a promise.
const EXAMPLES: usize = 5;

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    run: &'static str,
    figures: Vec<Figure>,
    promises: Vec<Promise>,
}

#[derive(Clone, Debug)]
struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
}

#[derive(Clone, Debug)]
struct Promise {
    what: &'static str,
    broken: Vec<String>,
}

impl Report {
    /// The report of a run that begins.
    pub fn new(run: &'static str) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut report = Self {
            run,
            figures: Vec::new(),
            promises: Vec::new(),
        };
        report.count("cores", cores);
        report
    }

    /// Adds a figure.
    pub fn figure(&mut self, name: &'static str, value: f64, unit: &'static str) {
        self.figures.push(Figure { name, value, unit });
    }

    /// Adds a number of things.
    pub fn count(&mut self, name: &'static str, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.figure(name, f64::from(count), "");
    }

    /// Adds a promise, with everything that broke it.
    pub fn promise(&mut self, what: &'static str, broken: Vec<String>) {
        self.promises.push(Promise { what, broken });
    }

    /// A figure by its name.
    pub fn value(&self, name: &str) -> Option<f64> {
        let figure = self.figures.iter().find(|figure| figure.name == name)?;
        Some(figure.value)
    }

    /// Whether every promise was kept.
    pub fn holds(&self) -> bool {
        self.promises
            .iter()
            .all(|promise| promise.broken.is_empty())
    }

    /// For a program: one document.
    pub fn json(&self) -> Value {
        let figures = self.figures.iter().map(|figure| {
            let value = json!({"value": figure.value, "unit": figure.unit});
            (figure.name.to_owned(), value)
        });
        let promises = self.promises.iter().map(|promise| {
            let examples: Vec<&String> = promise.broken.iter().take(EXAMPLES).collect();
            json!({"promise": promise.what, "kept": promise.broken.is_empty(), "broken": promise.broken.len(), "examples": examples})
        });
        json!({
            "run": self.run, "kept": self.holds(),
            "figures": figures.collect::<Map<_, _>>(), "promises": promises.collect::<Vec<_>>(),
        })
    }

    /// For a person: a table.
    pub fn table(&self) -> String {
        let mut text = format!("{}\n", self.run);
        for figure in &self.figures {
            let value = shown(figure.value);
            writeln!(
                text,
                "  {:<34} {value:>12} {}",
                figure.name.replace('_', " "),
                figure.unit
            )
            .expect("a String takes every write");
        }
        for promise in &self.promises {
            let word = if promise.broken.is_empty() {
                "kept  "
            } else {
                "BROKEN"
            };
            writeln!(text, "  {word} {}", promise.what).expect("a String takes every write");
            for example in promise.broken.iter().take(EXAMPLES) {
                writeln!(text, "         {example}").expect("a String takes every write");
            }
            if promise.broken.len() > EXAMPLES {
                writeln!(text, "         … {} in all", promise.broken.len())
                    .expect("a String takes every write");
            }
        }
        text
    }
}

/// Whole numbers as such, small ones with two places.
fn shown(value: f64) -> String {
    if value.fract() == 0.0 || value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_promise_is_told_in_the_table_and_to_a_program() {
        let mut report = Report::new("flood");
        report.figure("accepted_a_second", 5123.4, "/s");
        report.promise("nothing is lost", vec![]);
        assert!(report.holds());
        report.promise("nothing is mailed twice", vec!["crm_event_a".to_owned(); 9]);
        assert!(!report.holds());
        let table = report.table();
        assert!(
            table.contains("accepted a second                          5123 /s"),
            "{table}"
        );
        assert!(table.contains("BROKEN nothing is mailed twice"), "{table}");
        assert!(table.contains("… 9 in all"), "{table}");
        let json = report.json();
        assert_eq!(json["kept"], false);
        assert_eq!(json["promises"][1]["broken"], 9);
        assert_eq!(json["figures"]["accepted_a_second"]["value"], 5123.4);
    }
}
