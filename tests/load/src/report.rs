//! What came of a run: figures and promises, for a person or for a program.

use serde_json::{Map, Value, json};

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
    name: String,
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
    pub fn figure(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        let name = name.into();
        self.figures.push(Figure { name, value, unit });
    }

    /// Adds a number of things.
    pub fn count(&mut self, name: impl Into<String>, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.figure(name, f64::from(count), "");
    }

    /// Adds a promise, with everything that broke it.
    pub fn promise(&mut self, what: &'static str, broken: impl IntoIterator<Item: ToString>) {
        let broken = broken.into_iter().map(|one| one.to_string()).collect();
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
            (figure.name.clone(), value)
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
        let mut lines = vec![self.run.to_owned()];
        for Figure { name, value, unit } in &self.figures {
            let (name, value) = (name.replace('_', " "), shown(*value));
            lines.push(format!("  {name:<34} {value:>12} {unit}"));
        }
        for Promise { what, broken } in &self.promises {
            let word = if broken.is_empty() { "kept" } else { "BROKEN" };
            lines.push(format!("  {word:<6} {what}"));
            let examples = broken.iter().take(EXAMPLES);
            lines.extend(examples.map(|example| format!("         {example}")));
            if broken.len() > EXAMPLES {
                lines.push(format!("         … {} in all", broken.len()));
            }
        }
        lines.join("\n") + "\n"
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
        report.promise("nothing is lost", [""; 0]);
        assert!(report.holds());
        report.promise("nothing is mailed twice", ["crm_event_a"; 9]);
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
