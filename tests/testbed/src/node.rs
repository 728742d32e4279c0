//! A node for the control plane: kube-scheduler, containerd and kubelet, so that pods really run.
//!
//! containerd and the kubelet live in namespaces of their own (processes, mounts, network, names), whose first process is the program
//! `testbed` itself ([`inside`]). When it ends, in whatever way, the kernel ends everything in them: pods, shims, mounts and network
//! devices. What is left are files, in the control plane's folder, and control groups of the folder's name.
//!
//! Pods reach this machine at one address ([`Network::host`]), on the ports that a [`Relay`] listens on, and the API server at the address
//! of its Service, which is all that a kube-proxy would do here. They reach nothing else.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::{
    control_plane::{Component, Files},
    process::{self, Process, on_path},
    tools::Tool,
};

mod cgroup;
mod config;
pub mod image;
pub mod inside;
mod network;
mod ready;
mod relay;

pub use network::Network;
pub use relay::Relay;

/// Where Debian's package puts them.
const CNI_PLUGINS: &str = "/usr/lib/cni";
/// The name of the node.
pub const NAME: &str = "testbed-node";
/// As whom the kubelet asks the API server.
pub(crate) const USER: &str = "system:node:testbed-node";
/// The first address of the control plane's Services, which is that of the API server.
pub(crate) const API_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// How long the kernel may take to end everything in the namespaces.
const END: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

/// A running node. Dropping it ends everything on it.
pub(crate) struct Node {
    pub(crate) scheduler: Process,
    /// The program `unshare`, whose child is the first process in the namespaces.
    pub(crate) namespaces: Process,
    _api_server: Relay,
    folder: PathBuf,
    network: Network,
}

/// What a user of the node needs to know of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    pub network: Network,
    /// Of containerd.
    pub socket: PathBuf,
    /// Where the node has a disk of 64 MiB.
    pub small_disk: PathBuf,
}

/// Why this machine cannot be a node, or `None` when it can.
#[must_use]
pub fn obstacle() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("this is not Linux".into());
    }
    if !rustix::process::geteuid().is_root() {
        return Some("containerd and the kubelet have to run as root".into());
    }
    let programs = [
        "unshare",
        "nsenter",
        "ip",
        "mount",
        "runc",
        "busybox",
        "cc",
        "buildah",
        "debootstrap",
        "objcopy",
    ];
    let missing = programs
        .into_iter()
        .find(|program| on_path(program).is_none());
    if let Some(program) = missing {
        return Some(format!("the program {program} is not on the PATH"));
    }
    if !Path::new(CNI_PLUGINS).join("ptp").is_file() {
        return Some(format!("{CNI_PLUGINS} has no network plugins"));
    }
    cgroup::roots()
        .is_empty()
        .then(|| "no control groups are mounted".into())
}

impl Node {
    /// Starts a node for the control plane in `files`, and waits until it is ready for pods.
    ///
    /// # Errors
    /// A program is not built or ends early, or the node is not ready after two minutes; the message has the end of its log.
    pub(crate) async fn start(files: &Files, network: Network) -> Result<Self> {
        let folder = files.path("node");
        std::fs::create_dir_all(&folder).context("cannot make the node's folder")?;
        cgroup::make(&name_of(files))?;
        config::write(files, &folder, &network)?;
        let mut namespaces = spawn(&folder)?;
        let came_up = async {
            network::up(&network, &mut namespaces)?;
            let loopback = (Ipv4Addr::LOCALHOST, files.port).into();
            let api_server = Relay::start(network.host.into(), files.port, loopback)?;
            process::touch(&folder.join(inside::NETWORK))?;
            let scheduler = files.spawn(Component::Scheduler)?;
            anyhow::Ok((api_server, scheduler))
        }
        .await;
        let (api_server, scheduler) = came_up.inspect_err(|_| end(&mut namespaces, &network))?;
        let mut node = Self {
            scheduler,
            namespaces,
            _api_server: api_server,
            folder,
            network,
        };
        ready::wait(files, &mut node).await?;
        Ok(node)
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint {
            network: self.network,
            socket: socket(&self.folder),
            small_disk: self.folder.join(inside::SMALL_DISK),
        }
    }

    /// The end of the logs of the programs in the namespaces.
    fn log_tail(&self) -> String {
        let tail =
            |name: &str| format!("-- {name}\n{}", process::tail(&self.folder.join(name), 15));
        [inside::LOG, "containerd.log", "kubelet.log"]
            .map(tail)
            .join("\n")
    }

    /// Ends everything that runs on the node, at once, as when its machine loses power. Its files stay.
    pub(crate) fn kill(&mut self) {
        end(&mut self.namespaces, &self.network);
    }

    /// Starts the node again after [`Node::kill`], with what its disk holds.
    ///
    /// # Errors
    /// As of [`Node::start`].
    pub(crate) async fn start_again(&mut self, files: &Files) -> Result<()> {
        if self.namespaces.exit().is_none() {
            bail!("the node cannot be started, it is running");
        }
        // What a machine forgets when it is off.
        for volatile in [inside::NETWORK, config::STATE] {
            let path = self.folder.join(volatile);
            let gone = if path.is_dir() {
                std::fs::remove_dir_all(&path)
            } else {
                std::fs::remove_file(&path)
            };
            gone.with_context(|| format!("cannot remove {}", path.display()))?;
        }
        self.namespaces = spawn(&self.folder)?;
        network::up(&self.network, &mut self.namespaces)?;
        process::touch(&self.folder.join(inside::NETWORK))?;
        ready::wait(files, self).await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.scheduler.kill();
        self.kill();
        let name = self
            .folder
            .parent()
            .and_then(Path::file_name)
            .unwrap_or_default();
        cgroup::remove(&name.to_string_lossy());
    }
}

/// Removes what a node left behind whose supervisor was killed. `name` is that of its control plane's folder.
pub(crate) fn sweep(name: &str) {
    cgroup::remove(name);
}

fn name_of(files: &Files) -> String {
    let name = files.folder.path().file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("containerd.sock")
}

/// Starts the first process of new namespaces. It waits for its network.
fn spawn(folder: &Path) -> Result<Process> {
    let mut command = process::command("unshare");
    command
        .args([
            "--mount",
            "--pid",
            "--net",
            "--uts",
            "--ipc",
            "--fork",
            "--kill-child=KILL",
            "--mount-proc",
            "--",
        ])
        .arg(std::env::current_exe().context("this program does not know where it is")?)
        .arg("inside-node")
        .arg(folder)
        .arg(Tool::Kubelet.locate()?)
        .arg(Tool::Containerd.locate()?);
    Process::spawn("node", command, &folder.join(inside::LOG))
}

/// Kills the first process in the namespaces; when it is gone, everything in them is (pid_namespaces(7)).
fn end(namespaces: &mut Process, network: &Network) {
    let begin = Instant::now();
    while namespaces.exit().is_none() && begin.elapsed() < END {
        process::kill_children(namespaces.id());
        namespaces.wait(LOOK);
    }
    namespaces.kill();
    network::down(network);
}
