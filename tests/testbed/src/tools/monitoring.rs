//! The kinds of the Prometheus operator that the chart makes objects of, as its Go module has them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Pinned, build::go, cache, requirement};
use crate::process;

const OPERATOR: Pinned = Pinned {
    name: "prometheus-operator",
    upstream: "github.com/prometheus-operator/prometheus-operator",
    go_mod: include_str!("../../go/prometheus-operator/go.mod"),
};
/// Where they are in the module.
const FOLDER: &str = "example/prometheus-operator-crd";
const FILES: [&str; 2] = [
    "monitoring.coreos.com_prometheusrules.yaml",
    "monitoring.coreos.com_servicemonitors.yaml",
];

/// The files with the CRDs of PrometheusRule and ServiceMonitor.
///
/// # Errors
/// They are not in the cache; the message says how they get there.
pub fn kinds() -> Result<Vec<PathBuf>> {
    let folder = folder()?;
    let files: Vec<PathBuf> = FILES.iter().map(|file| folder.join(file)).collect();
    if let Some(missing) = files.iter().find(|file| !file.is_file()) {
        bail!(
            "{} is not there yet: run `cargo run -p beadlet-testbed -- build`",
            missing.display()
        );
    }
    Ok(files)
}

/// Brings into the cache what is not there.
pub(super) fn fetch() -> Result<()> {
    if kinds().is_ok() {
        return Ok(());
    }
    let (module, folder) = (download()?.join(FOLDER), folder()?);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for file in FILES {
        let unfinished = folder.join(format!(".{file}.unfinished"));
        let bytes = fs::read(module.join(file))
            .with_context(|| format!("{} has no {FOLDER}/{file}", OPERATOR.upstream))?;
        fs::write(&unfinished, bytes)
            .and_then(|()| fs::rename(&unfinished, folder.join(file)))
            .with_context(|| format!("cannot write {}", folder.join(file).display()))?;
    }
    Ok(())
}

fn folder() -> Result<PathBuf> {
    let version = requirement(OPERATOR.go_mod, OPERATOR.upstream)
        .with_context(|| format!("go/{}/go.mod requires no version", OPERATOR.name))?;
    Ok(cache()?.join(format!("{}-{version}", OPERATOR.name)))
}

/// The folder of the module. Go compares it with `go.sum`.
fn download() -> Result<PathBuf> {
    let output = process::command(go())
        .current_dir(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("go")
                .join(OPERATOR.name),
        )
        .args(["mod", "download", "-json", OPERATOR.upstream])
        .stdin(Stdio::null())
        .output()
        .context("cannot start go")?;
    let answer = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{} could not be fetched: {answer}{error}",
            OPERATOR.upstream
        );
    }
    let answer: Value = serde_json::from_str(&answer).context("go does not answer in JSON")?;
    let folder = answer["Dir"].as_str().context("go names no folder")?;
    Ok(folder.into())
}
