//! The template: linted by AWS's tools, expanded, and held to what those tools do not know.

pub(crate) mod alarms;
mod check;
mod dashboard;
mod project;
mod source;
#[cfg(test)]
mod tests;
mod view;

use crate::{shell, tool};
use anyhow::{Context, Result, bail};
use leadwire_cloudwatch::Alarm;
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

/// Where dashboards, alarms and documents disagree. The template itself is not read, so it needs no tools of AWS.
pub(crate) fn disagreements() -> Result<Vec<String>> {
    let project = Project::read(&shell::root())?;
    let checks = [check::OF_ALARMS, dashboard::OF_ALARMS].concat();
    let alarms = alarms::with_parameters(project.alarms.clone());
    Ok(check::breaches(&checks, &alarms, &project))
}

/// Every check.
fn checks() -> Vec<&'static check::Check> {
    [&check::CHECKS[..], &dashboard::CHECKS].concat()
}

/// The alarms of `alarms/alarms.json`.
pub(crate) fn stored_alarms() -> Result<Vec<Alarm>> {
    let project = Project::read(&shell::root())?;
    let (alarms, wrong) = alarms::read(&alarms::with_parameters(project.alarms));
    match wrong.into_iter().next() {
        Some(wrong) => Err(wrong.into()),
        None => Ok(alarms),
    }
}

/// Puts the dashboards and the rows of sources into the template.
pub(crate) fn write_dashboards() -> Result<()> {
    let path = shell::root().join(project::TEMPLATE);
    let mut template = source::write(&fs::read_to_string(&path)?)?;
    for (name, json) in crate::dashboard::read_all(&shell::root())? {
        template = dashboard::embed(&template, &name, &json.to_string())?;
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
