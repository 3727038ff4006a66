//! The template: linted by AWS's tools, expanded, and held to what those tools do not know.

mod alarms;
mod check;
mod dashboard;
mod project;
#[cfg(test)]
mod tests;
mod view;

use crate::dashboard::NAMES;
use crate::{shell, tool};
use anyhow::{Context, Result, bail};
use leadwire_telemetry::alarm::Alarm;
use project::Project;
use std::fs;
use std::path::Path;
use view::Template;

const EXPAND: &str = "xtask/src/template/expand.py";
const EXPANDED: &str = "target/tools/template.json";

/// Lints, validates, expands and checks the template.
pub(crate) fn check() -> Result<()> {
    shell::run(&mut tool::python("cfn-lint", &["template.yaml"])?)?;
    shell::run(&mut tool::python("sam", &["validate", "--lint"])?)?;
    let expanded = expand()?;
    // Some mistakes, such as a dependency on what a condition leaves out, show in plain CloudFormation only.
    let file = shell::root().join(EXPANDED);
    fs::write(&file, &expanded).with_context(|| file.display().to_string())?;
    shell::run(&mut tool::python("cfn-lint", &[EXPANDED])?)?;
    let template = Template::parse(&expanded)?;
    let project = Project::read(&shell::root())?;
    let checks = checks();
    let found = check::breaches(&checks, &template, &project);
    for breach in &found {
        shell::say(&format!("  {breach}"));
    }
    if !found.is_empty() {
        bail!("the template breaks {} of its promises", found.len());
    }
    let blind = check::blind(&checks, &template, &project);
    if !blind.is_empty() {
        bail!(
            "these checks would not see the template broken: {}",
            blind.join("; ")
        );
    }
    shell::say(&format!(
        "{} checks hold, and each fails on a template that is broken for it.",
        checks.len()
    ));
    Ok(())
}

/// Writes the expanded template to a file.
pub(crate) fn expand_to(file: &Path) -> Result<()> {
    fs::write(file, expand()?).with_context(|| file.display().to_string())
}

/// What dashboards, alarms and documents disagree about. The template itself is not read, so it needs no tools of AWS.
pub(crate) fn disagreements() -> Result<Vec<String>> {
    let project = Project::read(&shell::root())?;
    let checks = [check::OF_ALARMS, dashboard::OF_ALARMS].concat();
    Ok(check::breaches(&checks, &alarms_alone(&project), &project))
}

/// Every check.
fn checks() -> Vec<&'static check::Check> {
    [&check::CHECKS[..], &dashboard::CHECKS].concat()
}

/// A template of nothing but the alarms in `alarms/alarms.json`.
fn alarms_alone(project: &Project) -> Template {
    let mut alarms = project.alarms.clone();
    if let Some(sections) = alarms.as_object_mut() {
        // The key of a mapping.
        let parameters = serde_json::json!({"CanaryMinutes": {"Default": 15}});
        sections.insert("Parameters".to_owned(), parameters);
    }
    Template(alarms)
}

/// The alarms in `alarms/alarms.json`. Their names begin with `stack-`.
pub(crate) fn recorded_alarms() -> Result<Vec<Alarm>> {
    let project = Project::read(&shell::root())?;
    let (alarms, wrong) = alarms::read(&alarms_alone(&project));
    if let Some(wrong) = wrong.first() {
        bail!("{wrong}");
    }
    Ok(alarms)
}

/// Puts the dashboards into the template.
pub(crate) fn write_dashboards() -> Result<()> {
    let path = shell::root().join(project::TEMPLATE);
    let mut template = fs::read_to_string(&path)?;
    for (name, _) in NAMES {
        let json = fs::read_to_string(crate::dashboard::path(&shell::root(), name))?;
        template = dashboard::embed(&template, name, &json)?;
    }
    fs::write(&path, template).context("writing the template")
}

/// Writes the template's alarms to `alarms/alarms.json`.
pub(crate) fn write_alarms() -> Result<()> {
    let alarms = alarms::of(&Template::parse(&expand()?)?);
    let path = shell::root().join(project::ALARMS);
    fs::write(&path, alarms::written(&alarms)).with_context(|| path.display().to_string())
}

/// The template as `CloudFormation` sees it.
fn expand() -> Result<String> {
    shell::read(&mut tool::python("python", &[EXPAND, project::TEMPLATE])?)
}
