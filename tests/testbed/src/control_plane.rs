//! etcd, kube-apiserver and kube-controller-manager on loopback, with their files in one temporary folder, and a node where one is wanted.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    net::TcpListener,
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use kube::Client;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::{
    node::{self, Network, Node},
    pki::{Ca, Validity, signing_key},
    process::{Process, Signal},
    supervisor::Endpoint,
    tools::Tool,
};

mod access;
mod commands;
mod ready;

pub(crate) use access::client;
pub use access::{ADMINS, write_kubeconfig};

/// The name in the control plane's CA certificate.
pub const CA_NAME: &str = "beadlet-testbed";
/// Begin of the names of the temporary folders.
const FOLDER: &str = "beadlet-testbed-";
/// Held as long as a folder's control plane lives.
const ALIVE: &str = "alive.lock";
/// How often to try again when somebody else took a port between choosing and binding it.
const ATTEMPTS: u32 = 5;
/// How long a component may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// A part of the control plane that a test may stop and start again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    Etcd,
    ApiServer,
    ControllerManager,
    /// Of a control plane with a node, as the next.
    Scheduler,
    /// containerd, the kubelet and everything that runs on them.
    Node,
}

/// A running control plane. Dropping it ends its processes and removes its folder.
pub struct ControlPlane {
    // In this order they are dropped: clients before servers, the folder last.
    node: Option<Node>,
    controllers: Process,
    api_server: Process,
    etcd: Process,
    /// What does not run and need not be told about.
    down: Vec<Component>,
    _alive: fs::File,
    files: Files,
}

/// Where everything of one control plane is.
pub(crate) struct Files {
    pub(crate) folder: TempDir,
    pub(crate) port: u16,
    /// Of the node.
    network: Option<Network>,
}

impl ControlPlane {
    /// Brings one up and waits until it serves, about three seconds, and five more for a node.
    ///
    /// # Errors
    /// A program is not built, ends early, or does not serve within a minute: then with the end of its log.
    pub async fn start(with_node: bool) -> Result<Self> {
        sweep();
        for _ in 1..ATTEMPTS {
            match Self::attempt(with_node).await {
                Err(error) if format!("{error:#}").contains("address already in use") => {}
                other => return other,
            }
        }
        Self::attempt(with_node).await
    }

    async fn attempt(with_node: bool) -> Result<Self> {
        let files = Files::new(with_node)?;
        let alive = fs::File::create(files.path(ALIVE))?;
        alive
            .lock()
            .context("cannot lock the folder of the control plane")?;
        let mut etcd = files.spawn(Component::Etcd)?;
        ready::etcd(&files, &mut etcd).await?;
        let mut api_server = files.spawn(Component::ApiServer)?;
        ready::api_server(&files, &mut api_server).await?;
        access::grant(&files).await?;
        let mut controllers = files.spawn(Component::ControllerManager)?;
        ready::controllers(&files, &mut controllers).await?;
        let node = match files.network {
            Some(network) => Some(Node::start(&files, network).await?),
            None => None,
        };
        Ok(Self {
            node,
            controllers,
            api_server,
            etcd,
            down: Vec::new(),
            _alive: alive,
            files,
        })
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            folder: self.files.folder.path().to_owned(),
            kubeconfig: self.files.path("admin.kubeconfig"),
            server: self.files.server(),
            processes: [&self.etcd, &self.api_server, &self.controllers]
                .into_iter()
                .chain(
                    self.node
                        .iter()
                        .flat_map(|node| [&node.scheduler, &node.namespaces]),
                )
                .map(Process::id)
                .collect(),
            node: self.node.as_ref().map(Node::endpoint),
        }
    }

    /// A component that ended although nobody asked it to, with the end of its log. Each is told once.
    pub fn lost(&mut self) -> Option<anyhow::Error> {
        for component in [
            Component::Etcd,
            Component::ApiServer,
            Component::ControllerManager,
            Component::Scheduler,
            Component::Node,
        ] {
            if !self.down.contains(&component)
                && let Ok(process) = self.process(component)
                && let Some(error) = ended(process)
            {
                self.down.push(component);
                return Some(error);
            }
        }
        None
    }

    /// # Errors
    /// The component is not running.
    pub fn signal(&mut self, component: Component, signal: Signal) -> Result<()> {
        self.process(component)?.signal(signal)
    }

    /// Kills a component and waits until it is gone.
    ///
    /// # Errors
    /// There is no such component.
    pub fn kill(&mut self, component: Component) -> Result<()> {
        self.down.push(component);
        match (component, &mut self.node) {
            (Component::Node, Some(node)) => node.kill(),
            _ => self.process(component)?.kill(),
        }
        Ok(())
    }

    /// Starts a component that was killed, where it was before, and waits until it serves.
    ///
    /// # Errors
    /// It runs, or it does not come up.
    pub async fn start_again(&mut self, component: Component) -> Result<()> {
        if self.process(component)?.exit().is_none() {
            bail!("{component:?} cannot be started, it is running");
        }
        self.down.retain(|down| *down != component);
        if let (Component::Node, Some(node)) = (component, &mut self.node) {
            return node.start_again(&self.files).await;
        }
        *self.process(component)? = self.files.spawn(component)?;
        match component {
            Component::Etcd => ready::etcd(&self.files, &mut self.etcd).await,
            Component::ApiServer => ready::api_server(&self.files, &mut self.api_server).await,
            Component::ControllerManager => {
                ready::controllers(&self.files, &mut self.controllers).await
            }
            // It serves nothing that could be asked for.
            Component::Scheduler | Component::Node => Ok(()),
        }
    }

    /// Ends everything in order, blocking the thread for at most three graces.
    pub fn stop(mut self) {
        drop(self.node.take());
        // The API server first waits for its watches to end, which nobody here needs.
        self.controllers.stop(GRACE);
        self.api_server.kill();
        self.etcd.stop(GRACE);
    }

    fn process(&mut self, component: Component) -> Result<&mut Process> {
        let node = self.node.as_mut().context("this control plane has no node");
        Ok(match component {
            Component::Etcd => &mut self.etcd,
            Component::ApiServer => &mut self.api_server,
            Component::ControllerManager => &mut self.controllers,
            Component::Scheduler => &mut node?.scheduler,
            Component::Node => &mut node?.namespaces,
        })
    }
}

impl Files {
    fn new(with_node: bool) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix(FOLDER)
            .tempdir()
            .context("cannot make a temporary folder")?;
        let files = Self {
            folder,
            port: free_port()?,
            network: with_node.then(Network::choose).transpose()?,
        };
        let ca = Ca::new(CA_NAME)?;
        ca.save(files.folder.path())?;
        let service = node::API_SERVICE.to_string();
        let names = [
            "localhost",
            "127.0.0.1",
            "kubernetes",
            "kubernetes.default.svc",
            &service,
        ];
        let host = files.network.map(|network| network.host.to_string());
        let names: Vec<&str> = names.into_iter().chain(host.as_deref()).collect();
        ca.server(&names, Validity::Current)?
            .write(files.folder.path(), "apiserver")?;
        // As whom the API server asks kubelets, for logs.
        ca.client("kube-apiserver", &["system:masters"])?
            .write(files.folder.path(), "kubelet-client")?;
        let (private, public) = signing_key()?;
        fs::write(files.path("service-accounts.key"), private)?;
        fs::write(files.path("service-accounts.pub"), public)?;
        fs::write(files.path("audit-policy.json"), commands::audit_policy())?;
        crate::process::touch(&files.path("audit.log"))?;
        for user in ["admin", "system:kube-controller-manager"] {
            let name = user.trim_start_matches("system:");
            write_kubeconfig(
                files.folder.path(),
                name,
                &files.server(),
                &ca.client(user, &["system:masters"])?,
            )?;
        }
        Ok(files)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// A client of the administrator's.
    fn admin(&self) -> Result<Client> {
        access::client(self.folder.path(), &self.server(), "admin")
    }

    pub(crate) fn spawn(&self, component: Component) -> Result<Process> {
        let (tool, arguments) = match component {
            Component::Etcd => (Tool::Etcd, commands::etcd(self)),
            Component::ApiServer => (Tool::ApiServer, commands::api_server(self)),
            Component::ControllerManager => (Tool::ControllerManager, commands::controllers(self)),
            Component::Scheduler => (Tool::Scheduler, commands::scheduler(self)),
            Component::Node => bail!("a node is not one process"),
        };
        let mut command = crate::process::command(tool.locate()?);
        command.args(arguments).current_dir(self.folder.path());
        Process::spawn(tool.program(), command, &self.path(&format!("{tool}.log")))
    }
}

/// A port of loopback that is free now, and that the kernel gives to nobody by itself: a server that is stopped finds
/// it again. (Linux takes the ports of outgoing connections from 32768 upwards.)
pub(crate) fn free_port() -> Result<u16> {
    // A new hasher is seeded at random.
    let candidate =
        |_| 20_000 + u16::try_from(RandomState::new().hash_one(()) % 12_000).unwrap_or(0);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (0..1000)
        .map(candidate)
        .find(is_free)
        .context("there is no free port on 127.0.0.1")
}

/// Removes what supervisors left behind that were killed before they could.
fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(FOLDER))
    {
        // Without a lock file the folder is only just being made.
        let Ok(lock) = fs::File::open(entry.path().join(ALIVE)) else {
            continue;
        };
        if lock.try_lock().is_ok() && is_old(&lock) {
            node::sweep(&entry.file_name().to_string_lossy());
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_old(lock: &fs::File) -> bool {
    let age = lock
        .metadata()
        .and_then(|metadata| metadata.modified())
        .map(|made| made.elapsed());
    age.is_ok_and(|age| age.is_ok_and(|age| age > Duration::from_secs(60)))
}

/// An early end of a component, told with the end of its log.
pub(crate) fn ended(process: &mut Process) -> Option<anyhow::Error> {
    let status = process.exit()?;
    Some(anyhow!(
        "{} ended with {status}; the end of its log:\n{}",
        process.name(),
        process.log_tail()
    ))
}
