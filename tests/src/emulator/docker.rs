//! Way 1: containers, by testcontainers.

use std::collections::HashMap;

use anyhow::{Context, Result};
use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
};
use testcontainers::core::client::docker_client_instance;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

use super::registry::{self, Run};
use super::{LOCALSTACK, LOCALSTACK_ENVIRONMENT, MOTO, Started, process};

/// The label that names the lock of the run that a container belongs to.
const LABEL: &str = "leadwire-tests.lock";
/// A container whose run's lock cannot be seen from here is taken for dead after this time.
const FOREIGN_AGE_SECONDS_MAX: i64 = 3600;

pub(super) async fn start() -> Result<Started> {
    let run = Run::current()?;
    remove_leftovers().await?;
    let image = |(name, tag): (&str, &str), port: u16| {
        GenericImage::new(name, tag).with_exposed_port(port.into())
    };
    let localstack = image(LOCALSTACK, 4566).with_env_var("GATEWAY_LISTEN", "0.0.0.0:4566");
    let localstack = LOCALSTACK_ENVIRONMENT
        .into_iter()
        .fold(localstack, |request, (name, value)| {
            request.with_env_var(name, value)
        });
    let label = run.lock_path().display().to_string();
    let (localstack, moto) = tokio::try_join!(
        localstack.with_label(LABEL, &label).start(),
        image(MOTO, 5000).with_label(LABEL, &label).start()
    )
    .context("no container started")?;
    let reaper = process::Reaper::of_containers(&[localstack.id(), moto.id()])?;
    Ok(Started {
        aws: endpoint(&localstack, 4566).await?,
        mail: endpoint(&moto, 5000).await?,
        hold: Box::new((localstack, moto, reaper)),
    })
}

async fn endpoint(container: &ContainerAsync<GenericImage>, port: u16) -> Result<String> {
    let host = container.get_host().await?;
    let port = container.get_host_port_ipv4(port).await?;
    Ok(format!("http://{host}:{port}").replace("localhost", "127.0.0.1"))
}

/// Removes the containers of runs that are dead: a killed test process cannot remove its own.
async fn remove_leftovers() -> Result<()> {
    const SILENT: &str = "Docker does not answer";
    let docker = docker_client_instance().await.context(SILENT)?;
    let filters = HashMap::from([("label", vec![LABEL])]);
    let options = ListContainersOptionsBuilder::new().all(true);
    let options = options.filters(&filters).build();
    let found = docker.list_containers(Some(options)).await;
    for container in found.context(SILENT)? {
        let mut labels = container.labels.unwrap_or_default();
        let lock = labels.remove(LABEL).unwrap_or_default();
        let age = crate::clock::now().as_second() - container.created.unwrap_or_default();
        let is_dead = registry::is_dead(lock.as_ref()).unwrap_or(age > FOREIGN_AGE_SECONDS_MAX);
        if let (true, Some(id)) = (is_dead, container.id) {
            let force = RemoveContainerOptionsBuilder::new().force(true).v(true);
            // Another process may be removing the same one.
            drop(docker.remove_container(&id, Some(force.build())).await);
        }
    }
    Ok(())
}
