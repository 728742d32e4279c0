//! The program helm, with nothing of its user's.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use beadlet_testbed::tools::Tool;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn chart() -> PathBuf {
    repository().join("deploy/chart/beadlet")
}

/// Runs helm. `values` are those of a file given with `-f -`.
pub(crate) fn helm(arguments: &[&str], values: &Value) -> Output {
    let home = TempDir::new().unwrap();
    let mut command = Command::new(Tool::Helm.locate().unwrap());
    for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(name, home.path());
    }
    let mut child = command
        .args(arguments)
        .args(["--values", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(values.to_string().as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// Renders the chart for a release called `beadlet`.
pub(crate) fn try_template(namespace: &str, values: &Value) -> Result<String, String> {
    let chart = chart();
    let arguments = [
        "template",
        "beadlet",
        chart.to_str().unwrap(),
        "--namespace",
        namespace,
    ];
    let output = helm(&arguments, values);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        Err(text(output.stderr))
    }
}

pub(crate) fn template(namespace: &str, values: &Value) -> String {
    try_template(namespace, values).unwrap_or_else(|error| panic!("{values}: {error}"))
}

/// The objects of what helm or a person wrote.
pub(crate) fn objects(text: &str) -> Vec<Value> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    objects
        .into_iter()
        .filter(|object| !object.is_null())
        .collect()
}
