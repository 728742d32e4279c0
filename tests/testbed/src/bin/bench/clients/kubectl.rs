//! `kubectl apply --server-side -f`.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use beadlet_testbed::tools::Tool;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{json, to_value};
use tokio::process::Command;

use crate::bench::Bench;

/// kubectl, and a file to apply.
pub(crate) struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    file: PathBuf,
}

impl Kubectl {
    pub(crate) fn new(bench: &Bench) -> Result<Self> {
        Ok(Self {
            program: Tool::Kubectl.locate()?,
            kubeconfig: bench.testbed.user("kubectl").kubeconfig().to_owned(),
            file: bench.folder().join("apply.json"),
        })
    }

    /// Applies `beads` to a namespace and says how long that took.
    pub(crate) async fn apply(&self, namespace: &str, beads: &[ConfigMap]) -> Result<Duration> {
        let items = beads
            .iter()
            .map(to_value)
            .collect::<serde_json::Result<Vec<_>>>()?;
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        fs::write(&self.file, serde_json::to_vec(&list)?)
            .context("cannot write what is to be applied")?;
        let begin = Instant::now();
        let output = Command::new(&self.program)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(["--namespace", namespace, "apply", "--server-side", "-f"])
            .arg(&self.file)
            .kill_on_drop(true)
            .output()
            .await?;
        ensure!(
            output.status.success(),
            "kubectl failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(begin.elapsed())
    }
}
