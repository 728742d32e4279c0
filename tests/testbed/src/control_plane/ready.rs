//! When a component serves. Each wait ends early, with the end of the log, when the component does.

use std::{
    fmt::Display,
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;

use super::{Files, ended};
use crate::process::Process;

/// How long a component may take on a machine that is busy with something else.
const DEADLINE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

pub(super) async fn etcd(files: &Files, process: &mut Process) -> Result<()> {
    let socket = files.path("etcd.sock");
    poll(process, async || UnixStream::connect(&socket)).await
}

/// All checks of `/readyz` pass, so the built-in roles are there too.
pub(super) async fn api_server(files: &Files, process: &mut Process) -> Result<()> {
    let client = files.admin()?;
    let question = || {
        http::Request::get("/readyz")
            .body(Vec::new())
            .map_err(kube::Error::HttpError)
    };
    poll(process, async || client.request_text(question()?).await).await
}

/// The controllers act: the default service account comes (back).
pub(super) async fn controllers(files: &Files, process: &mut Process) -> Result<()> {
    let accounts: Api<ServiceAccount> = Api::namespaced(files.admin()?, "default");
    if let Err(error) = accounts.delete("default", &Default::default()).await
        && !matches!(&error, kube::Error::Api(status) if status.code == 404)
    {
        bail!("cannot probe the controllers: {error}");
    }
    poll(process, async || accounts.get("default").await).await
}

async fn poll<T, E: Display>(
    process: &mut Process,
    mut probe: impl AsyncFnMut() -> Result<T, E>,
) -> Result<()> {
    let end = Instant::now() + DEADLINE;
    loop {
        let Err(error) = probe().await else {
            return Ok(());
        };
        if let Some(early) = ended(process) {
            return Err(early);
        }
        if Instant::now() >= end {
            let (name, log) = (process.name(), process.log_tail());
            bail!(
                "{name} does not serve after {} s: {error}; the end of its log:\n{log}",
                DEADLINE.as_secs()
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}
