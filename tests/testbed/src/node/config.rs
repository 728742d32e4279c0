//! What the programs of a node are told.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{CNI_PLUGINS, NAME, Network, USER, name_of, socket};
use crate::{
    control_plane::{CA_NAME, Files, write_kubeconfig},
    pki::{Ca, Validity},
};

pub(super) const CONTAINERD: &str = "containerd.toml";
const KUBELET: &str = "kubelet.json";
/// What containerd forgets when its machine is off.
pub(super) const STATE: &str = "state";
const NETWORK: &str = "network.json";
/// The address at which the node finds the API server.
pub(super) const API_SERVER: &str = "api-server";

/// Writes everything into the node's folder.
pub(super) fn write(files: &Files, folder: &Path, network: &Network) -> Result<()> {
    let control_plane = files.folder.path();
    let ca = Ca::load(CA_NAME, control_plane)?;
    let scheduler = ca.client("system:kube-scheduler", &[])?;
    write_kubeconfig(control_plane, "kube-scheduler", &files.server(), &scheduler)?;
    fs::copy(control_plane.join("ca.crt"), folder.join("ca.crt"))
        .context("cannot copy the CA's certificate")?;
    let server = format!("https://{}:{}", network.host, files.port);
    write_kubeconfig(
        folder,
        "kubelet",
        &server,
        &ca.client(USER, &["system:nodes"])?,
    )?;
    ca.server(&[&network.node.to_string(), NAME], Validity::Current)?
        .write(folder, "serving")?;
    let cni = folder.join("cni");
    fs::create_dir_all(&cni).with_context(|| format!("cannot make {}", cni.display()))?;
    for (path, content) in [
        (folder.join(CONTAINERD), containerd(folder)),
        (
            folder.join(KUBELET),
            kubelet(folder, &name_of(files)).to_string(),
        ),
        (folder.join(NETWORK), json!(network).to_string()),
        (
            folder.join(API_SERVER),
            format!("{}:{}", network.host, files.port),
        ),
        (cni.join("pods.conflist"), pods(folder, network).to_string()),
        // No name is known: servers are reached by their address.
        (folder.join("resolv.conf"), String::new()),
    ] {
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

pub(super) fn kubelet_arguments(folder: &Path) -> Result<Vec<String>> {
    let network: Network = serde_json::from_slice(&fs::read(folder.join(NETWORK))?)?;
    let path = |name: &str| folder.join(name).display().to_string();
    Ok(vec![
        format!("--config={}", path(KUBELET)),
        format!("--kubeconfig={}", path("kubelet.kubeconfig")),
        format!("--root-dir={}", path("kubelet")),
        format!("--hostname-override={NAME}"),
        format!("--node-ip={}", network.node),
        "--v=1".into(),
    ])
}

/// TOML.
fn containerd(folder: &Path) -> String {
    let quoted = |name: &str| json!(folder.join(name)).to_string();
    let (root, state, socket, cni) = (
        quoted("containerd"),
        quoted(STATE),
        json!(socket(folder)),
        quoted("cni"),
    );
    // Without CAP_SYS_RESOURCE runc fails with "can't get final child's PID from pipe", unless restrict_oom_score_adj.
    format!(
        r#"version = 3
root = {root}
state = {state}
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt"]
[grpc]
address = {socket}
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{CNI_PLUGINS}"]
conf_dir = {cni}
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{}"
[plugins."io.containerd.grpc.v1.cri"]
stream_server_address = "127.0.0.1"
"#,
        super::image::PAUSE
    )
}

/// A wire from the node to each pod, and no way out of the node's network.
fn pods(folder: &Path, network: &Network) -> Value {
    json!({"cniVersion": "1.0.0", "name": "pods", "plugins": [{
        "type": "ptp",
        "ipMasq": false,
        "ipam": {
            "type": "host-local",
            "dataDir": folder.join("addresses"),
            "ranges": [[{"subnet": network.pods()}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }]})
}

fn kubelet(folder: &Path, cgroup: &str) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": format!("unix://{}", socket(folder).display()),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{cgroup}"),
        "failCgroupV1": false,
        "failSwapOn": false,
        "makeIPTablesUtilChains": false,
        "healthzPort": 0,
        "resolvConf": folder.join("resolv.conf"),
        "podLogsDir": folder.join("logs"),
        "volumePluginDir": folder.join("volume-plugins"),
        "tlsCertFile": folder.join("serving.crt"),
        "tlsPrivateKeyFile": folder.join("serving.key"),
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": folder.join("ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        // How full the machine's own disk is is not the tests' affair.
        "evictionHard": {"memory.available": "50Mi"},
        "imageMaximumGCAge": "0s",
        "imageGCHighThresholdPercent": 100,
        // A pod's end is seen sooner.
        "nodeStatusUpdateFrequency": "5s",
        "syncFrequency": "10s",
        // So is a volume over its limit.
        "volumeStatsAggPeriod": "10s",
    })
}
