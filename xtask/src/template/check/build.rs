//! What is decided when the functions are built, and by which tools.

use super::Breakage::{Change, Edit};
use super::{Case, Check};
use crate::template::project::FUNCTIONS;
use serde_json::json;

/// The architecture by default, and the target that it is built for.
const DEFAULT: (&str, &str) = ("arm64", "aarch64-unknown-linux-gnu");

/// A function of one processor that is deployed for the other cannot start.
pub(super) const BUILT: Check = Check {
    promise: "functions are built for the processor that they are deployed for",
    breaches: |case, found| {
        let (architecture, target) = DEFAULT;
        for (_, id) in FUNCTIONS {
            let of = case.template.at(&format!("{id}/Architectures"));
            if of != &json!([{"Ref": "Architecture"}]) {
                found.push(format!(
                    "{id} is for another processor than the parameter's"
                ));
            }
        }
        for command in ["build", "deploy"] {
            let settings = case.project.samconfig.get("default");
            let given = settings
                .and_then(|settings| settings.get(command)?.get("parameters"))
                .and_then(|parameters| parameters.get("parameter_overrides")?.as_str());
            if given != Some(&format!("Architecture={architecture}")) {
                found.push(format!("`sam {command}` is offered another architecture"));
            }
        }
        let toolchain = case.project.toolchain.get("toolchain");
        let targets = toolchain.and_then(|toolchain| toolchain.get("targets")?.as_array());
        let mut targets = targets.into_iter().flatten();
        if !targets.any(|known| known.as_str() == Some(target)) {
            found.push(format!("rust-toolchain.toml does not bring {target}"));
        }
    },
    breakages: &[
        Edit(r#"SweepFunction/Architectures = ["x86_64"]"#),
        Change(|case| change(case, "build", "Architecture=x86_64")),
        Change(|case| change(case, "deploy", "Architecture=x86_64")),
        Change(|case| case.project.toolchain.clear()),
    ],
};

/// Offers another parameter to a command of SAM. For breakages.
fn change(case: &mut Case, command: &str, overrides: &str) {
    let parameters = case.project.samconfig.get_mut("default").and_then(|all| {
        let command = all.get_mut(command)?.get_mut("parameters")?;
        command.as_table_mut()
    });
    if let Some(parameters) = parameters {
        parameters.insert("parameter_overrides".to_owned(), overrides.into());
    }
}

/// An older `sam` refuses the template, or stops with a question.
pub(super) const TOOLS: Check = Check {
    promise: "the README names the least version of SAM's command that the gate uses",
    breaches: |case, found| {
        let pinned = crate::tool::pinned("aws-sam-cli");
        let least = pinned.and_then(|version| version.rsplit_once('.'));
        let told = least.map(|(least, _)| format!("AWS SAM CLI {least} or newer"));
        if told.is_none_or(|told| !case.project.readme.contains(&told)) {
            found.push(format!("README.md does not say that of {pinned:?}"));
        }
    },
    breakages: &[Change(|case| {
        case.project.readme = case
            .project
            .readme
            .replace("AWS SAM CLI 1.", "AWS SAM CLI 0.");
    })],
};
