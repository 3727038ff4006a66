//! The template: linted by AWS's tools, expanded, and held to what those tools do not know.

pub(crate) mod alarms;
mod check;
mod dashboard;
mod project;
#[cfg(test)]
mod tests;

use crate::view::Template;
use crate::{shell, tool};
use anyhow::{Context, Result};
use check::Case;
use leadwire_cloudwatch::Alarm;
use project::Project;
use std::fs;
use std::path::Path;

const EXPAND: &str = "xtask/src/template/expand.py";
const EXPANDED: &str = "target/tools/template.json";
/// Regions whose resource types the template is held to: the default, one of Europe, and one of another partition.
const REGIONS: [&str; 3] = ["us-east-1", "eu-central-1", "us-gov-west-1"];

/// Lints, validates, expands and checks the template.
pub(crate) fn check() -> Result<()> {
    shell::run(&mut tool::python("cfn-lint", project::TEMPLATE)?)?;
    shell::run(&mut tool::python("sam", "validate --lint")?)?;
    let expanded = expand()?;
    // Some mistakes, such as a dependency on what a condition leaves out, show in plain CloudFormation only.
    shell::write(EXPANDED, &expanded)?;
    let words = format!("--regions {} -- {EXPANDED}", REGIONS.join(" "));
    shell::run(&mut tool::python("cfn-lint", &words)?)?;
    let case = Case {
        template: Template::parse(&expanded)?,
        project: Project::read()?,
    };
    let checks = checks();
    shell::judge(
        &check::breaches(&checks, &case),
        "promises of the template are broken",
    )?;
    shell::judge(
        &check::blind(&checks, &case),
        "breakages of the template would not be seen",
    )?;
    let count = checks.len();
    shell::say(&format!(
        "{count} checks hold, and each fails on a template that is broken for it."
    ));
    Ok(())
}

/// Writes the expanded template to a file.
pub(crate) fn expand_to(file: &Path) -> Result<()> {
    fs::write(file, expand()?).with_context(|| file.display().to_string())
}

/// Where dashboards, alarms and documents disagree. The template itself is not read, so it needs no tools of AWS.
pub(crate) fn disagreements() -> Result<Vec<String>> {
    let project = Project::read()?;
    let template = alarms::with_parameters(project.alarms.clone());
    let checks = [check::OF_ALARMS, dashboard::OF_ALARMS].concat();
    Ok(check::breaches(&checks, &Case { template, project }))
}

/// Every check.
fn checks() -> Vec<&'static check::Check> {
    [&check::CHECKS[..], &dashboard::CHECKS].concat()
}

/// The alarms of `alarms/alarms.json`.
pub(crate) fn stored_alarms() -> Result<Vec<Alarm>> {
    let (alarms, wrong) = alarms::read(&alarms::with_parameters(Project::read()?.alarms));
    match wrong.into_iter().next() {
        Some(wrong) => Err(wrong.into()),
        None => Ok(alarms),
    }
}

/// Puts the dashboards into the template, and then the template's alarms into `alarms/alarms.json`.
pub(crate) fn write() -> Result<()> {
    let mut template = shell::text(project::TEMPLATE)?;
    for (name, json) in crate::dashboard::read_all()? {
        template = dashboard::embed(&template, &name, &json)?;
    }
    shell::write(project::TEMPLATE, &template)?;
    let alarms = alarms::of(&Template::parse(&expand()?)?);
    shell::write(project::ALARMS, &format!("{alarms:#}\n"))
}

/// The template as `CloudFormation` sees it.
fn expand() -> Result<String> {
    shell::read(tool::python("python", EXPAND)?.arg(project::TEMPLATE))
}
