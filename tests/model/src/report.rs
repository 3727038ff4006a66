//! Telling what was found, past libtest, which keeps back what `println!` says.

use std::io::Write as _;

/// The width that a run is folded to.
const COLUMNS: usize = 150;

/// Writes lines to standard output in one piece, so that tests side by side do not mix theirs. A closed pipe is no reason to fail.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// A run with its steps numbered, folded to a few lines.
pub fn folded(run: &[String]) -> String {
    let mut lines = vec![String::new()];
    for (number, step) in (1..).zip(run) {
        let words: Vec<_> = step.split_whitespace().collect();
        let step = format!("{number} {}", words.join(" "));
        match lines.last_mut() {
            Some(line) if line.is_empty() => *line = step,
            Some(line) if line.chars().count() + step.chars().count() + 3 <= COLUMNS => {
                line.push_str(" · ");
                line.push_str(&step);
            }
            _ => lines.push(step),
        }
    }
    format!("    {}", lines.join("\n    "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_folded_between_its_steps() {
        let step = format!("ingest     {}", "x".repeat(70));
        let run = [step.clone(), step, "ends".to_owned()];
        let long = "x".repeat(70);
        let expected = format!("    1 ingest {long}\n    2 ingest {long} · 3 ends");
        assert_eq!(folded(&run), expected);
    }
}
