//! Who may do what: kubeconfigs, and the one binding that the testbed makes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::{Api, Client, Config, api::PostParams};
use serde_json::{from_value, json};

use super::Files;
use crate::pki::Pair;

/// A group that may do everything. Unlike `system:masters` it is not exempt from the server's fair queues, so its
/// members are served as a user's programs are.
pub const ADMINS: &str = "testbed:admins";

/// Writes `<name>.kubeconfig` beside `ca.crt` and gives its path. (JSON, which is YAML too.)
///
/// # Errors
/// A file cannot be written.
pub fn write_kubeconfig(folder: &Path, name: &str, server: &str, pair: &Pair) -> Result<PathBuf> {
    let (cert, key) = pair.write(folder, name)?;
    let content = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "testbed",
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": name, "namespace": "default"}}],
        "clusters": [{"name": "testbed", "cluster": {"server": server, "certificate-authority": folder.join("ca.crt")}}],
        "users": [{"name": name, "user": {"client-certificate": cert, "client-key": key}}],
    });
    let path = folder.join(format!("{name}.kubeconfig"));
    fs::write(&path, format!("{content:#}\n"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// A client for what [`write_kubeconfig`] wrote as `name`, bound to the runtime that it is made in.
///
/// # Errors
/// There is no such user, or no runtime to bind to.
pub(crate) fn client(folder: &Path, server: &str, name: &str) -> Result<Client> {
    let mut config = Config::new(server.parse().context("a server's address is a URL")?);
    config.root_cert_file = Some(folder.join("ca.crt"));
    let text = |path: PathBuf| Some(path.display().to_string());
    config.auth_info.client_certificate = text(folder.join(format!("{name}.crt")));
    config.auth_info.client_key = text(folder.join(format!("{name}.key")));
    // A test sees what the server answered, not what a second attempt got.
    config.default_retry = false;
    Client::try_from(config).context("cannot make a client")
}

/// Makes [`ADMINS`] and the controllers administrators; what is bound already (after a restart) stays.
pub(super) async fn grant(files: &Files) -> Result<()> {
    let bindings: Api<ClusterRoleBinding> = Api::all(files.admin()?);
    let binding = from_value(json!({
        "metadata": {"name": ADMINS},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": ADMINS}],
    }))?;
    bindings
        .create(&PostParams::default(), &binding)
        .await
        .context("cannot make the testbed's users administrators")?;
    Ok(())
}
