//! The project's own template, deployed into `LocalStack` by `CloudFormation`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};
use aws_sdk_cloudformation::types::{
    Capability, Output, Parameter, Stack as Described, StackStatus,
};
use serde_json::Value;

use crate::clients::Clients;
use crate::json::At;
use crate::prune::{self, Alarms, FunctionProperties};
use crate::{clock, template};

/// A property that a test changes to get through time faster, said openly: (logical id, property, value).
pub type Override = (&'static str, &'static str, Value);

/// What a test wants of its stack.
#[derive(Clone, Debug, Default)]
pub struct StackOptions {
    /// Parameters of the template.
    pub parameters: BTreeMap<String, String>,
    /// Properties that differ from the template's.
    pub overrides: Vec<Override>,
    /// Which of its alarms it has.
    pub alarms: Alarms,
}

/// A deployed stack.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Its name, also a prefix of its queues' names.
    pub name: String,
    /// Its outputs by name.
    pub outputs: BTreeMap<String, String>,
    /// The functions that the template has and `LocalStack` does not run.
    pub functions: Vec<FunctionProperties>,
}

impl Stack {
    /// Deploys the template under a name of its own.
    ///
    /// # Errors
    /// `CloudFormation` refuses it, or a parameter or an override names what the template does not have.
    pub async fn deploy(clients: &Clients, options: &StackOptions) -> Result<Self> {
        let mut pruned = prune::prune(template::read()?, &options.alarms)?;
        for name in options.parameters.keys() {
            // CloudFormation refuses it; LocalStack would deploy without a word.
            let declared = pruned.template.at("Parameters").get(name);
            declared.with_context(|| format!("the template has no parameter {name}"))?;
        }
        for (id, property, value) in &options.overrides {
            let properties = pruned
                .template
                .pointer_mut(&format!("/Resources/{id}/Properties"))
                .and_then(Value::as_object_mut)
                .with_context(|| format!("an override names {id}, which is not deployed"))?;
            properties.insert((*property).to_owned(), value.clone());
        }
        let name = unique_name();
        let parameters = options.parameters.iter().map(|(name, value)| {
            let parameter = Parameter::builder().parameter_key(name);
            parameter.parameter_value(value).build()
        });
        let create = clients.cloudformation.create_stack().stack_name(&name);
        let create = create
            .template_body(pruned.template.to_string())
            .set_parameters(Some(parameters.collect()))
            .capabilities(Capability::CapabilityIam);
        create.send().await.context("CreateStack")?;
        let outputs = deployed(clients, &name).await?;
        Ok(Self {
            name,
            outputs,
            functions: pruned.functions,
        })
    }

    /// The value of an output.
    pub fn output(&self, name: &str) -> Result<&str> {
        let value = self.outputs.get(name).map(String::as_str);
        value.with_context(|| format!("the stack has no output {name}"))
    }

    /// The physical id of a resource by its logical id: of a queue its URL.
    pub async fn physical_id(&self, clients: &Clients, id: &str) -> Result<String> {
        let describe = clients.cloudformation.describe_stack_resource();
        let describe = describe.stack_name(&self.name).logical_resource_id(id);
        let reply = describe.send().await.with_context(|| id.to_owned())?;
        let detail = reply.stack_resource_detail();
        let physical = detail.and_then(|detail| detail.physical_resource_id());
        let physical = physical.with_context(|| format!("the stack has no resource {id}"))?;
        Ok(physical.to_owned())
    }

    /// A function of the template by its logical id.
    pub fn function(&self, id: &str) -> Result<&FunctionProperties> {
        let found = self.functions.iter().find(|function| function.id == id);
        found.with_context(|| format!("the template has no function {id}"))
    }

    /// The environment that the template gives a function, as `CloudFormation` resolved it.
    pub fn environment(&self, id: &str) -> Result<BTreeMap<String, String>> {
        let variables = self.function(id)?.variables.iter();
        let values = variables.filter_map(|(name, output)| {
            let value = self.outputs.get(output)?;
            (value != prune::NO_VALUE).then(|| (name.clone(), value.clone()))
        });
        Ok(values.collect())
    }
}

/// Names of stacks are unique per process, test and time.
pub fn unique_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let time = clock::now().as_millisecond();
    format!("lw-{time:x}-{:x}-{number}", std::process::id())
}

async fn deployed(clients: &Clients, name: &str) -> Result<BTreeMap<String, String>> {
    clock::eventually("the stack is deployed", || async {
        let describe = clients.cloudformation.describe_stacks();
        let reply = describe.stack_name(name).send().await?;
        let stack = reply.stacks().first().context("the stack exists")?;
        match stack.stack_status() {
            Some(StackStatus::CreateComplete) => Ok(Some(outputs(stack))),
            Some(StackStatus::CreateInProgress) => Ok(None),
            other => bail!("{other:?}: {}", failures(clients, name).await?),
        }
    })
    .await
}

fn outputs(stack: &Described) -> BTreeMap<String, String> {
    let pair = |output: &Output| {
        let (name, value) = (output.output_key()?, output.output_value()?);
        Some((name.to_owned(), value.to_owned()))
    };
    stack.outputs().iter().filter_map(pair).collect()
}

async fn failures(clients: &Clients, name: &str) -> Result<String> {
    let describe = clients.cloudformation.describe_stack_events();
    let reply = describe.stack_name(name).send().await?;
    let reasons = reply.stack_events().iter().filter_map(|event| {
        let reason = event.resource_status_reason()?;
        let id = event.logical_resource_id().unwrap_or("?");
        Some(format!("{id}: {reason}"))
    });
    Ok(reasons.collect::<Vec<_>>().join("; "))
}
