//! A control plane as a test sees it.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result, bail};
use kube::Client;
use tokio::sync::OnceCell;

use self::supervised::Supervisor;
use crate::{
    audit::Audit,
    control_plane::{self, ADMINS, CA_NAME, Component, write_kubeconfig},
    namespace::Namespace,
    node::{self, Relay},
    pki::Ca,
    supervisor::{Answer, Endpoint, Order, check_hello},
};

mod supervised;
mod user;

pub use supervised::program;
pub use user::User;

/// A running control plane. Clones are handles of the same; it ends when the last is dropped, and with this process.
#[derive(Clone)]
pub struct Testbed {
    inner: Arc<Inner>,
}

struct Inner {
    endpoint: Endpoint,
    ca: Ca,
    /// By name and groups: whoever asks for a user twice gets the same.
    users: Mutex<BTreeMap<(String, Vec<String>), User>>,
    supervisor: Mutex<Supervisor>,
}

impl Testbed {
    /// The control plane of this test process, brought up by the first who asks. Any runtime may use it.
    ///
    /// # Panics
    /// It does not come up.
    pub async fn shared() -> &'static Testbed {
        static SHARED: OnceCell<Testbed> = OnceCell::const_new();
        match SHARED.get_or_try_init(Self::start).await {
            Ok(testbed) => testbed,
            Err(error) => panic!("the control plane does not come up: {error:#}"),
        }
    }

    /// The control plane with a node of this test process: another one than [`Testbed::shared`], where tests play the kubelet.
    ///
    /// # Panics
    /// It does not come up, or this machine cannot be a node.
    pub async fn shared_with_node() -> &'static Testbed {
        static SHARED: OnceCell<Testbed> = OnceCell::const_new();
        match SHARED.get_or_try_init(Self::start_with_node).await {
            Ok(testbed) => testbed,
            Err(error) => panic!("the control plane with a node does not come up: {error:#}"),
        }
    }

    /// A control plane of one's own: for a test that stops a part of it, for the demo and the benchmarks.
    ///
    /// # Errors
    /// The program `testbed` or a component is not built, or does not start.
    pub async fn start() -> Result<Self> {
        tokio::task::spawn_blocking(|| Self::start_blocking(false)).await?
    }

    /// The same with a node, so that pods really run.
    ///
    /// # Errors
    /// As of [`Testbed::start`], and where this machine cannot be a node ([`crate::node::obstacle`]).
    pub async fn start_with_node() -> Result<Self> {
        if let Some(obstacle) = node::obstacle() {
            bail!(
                "this machine cannot be a node: {obstacle}; leave the tests with pods out with `--skip pod::`"
            );
        }
        tokio::task::spawn_blocking(|| Self::start_blocking(true)).await?
    }

    /// A new client of the administrator (`system:masters`), bound to the runtime of the caller.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn client(&self) -> Client {
        control_plane::client(self.folder(), &self.inner.endpoint.server, "admin").unwrap()
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.inner.endpoint.kubeconfig
    }

    /// `https://127.0.0.1:<port>`.
    pub fn server(&self) -> &str {
        &self.inner.endpoint.server
    }

    /// The ids that the components had at the start, and the supervisor's.
    pub fn processes(&self) -> Vec<u32> {
        let supervisor = self.supervisor(|supervisor| supervisor.id());
        self.inner
            .endpoint
            .processes
            .iter()
            .copied()
            .chain([supervisor])
            .collect()
    }

    /// Where the control plane keeps its files and logs.
    pub fn folder(&self) -> &Path {
        &self.inner.endpoint.folder
    }

    /// Brings an image into the node from an archive (OCI layout or docker's, as a tar), under the names that it has there.
    ///
    /// # Errors
    /// There is no node, or it is no such archive.
    pub async fn import(&self, archive: &Path) -> Result<()> {
        node::image::import(&self.node()?.socket, archive).await
    }

    /// Lets pods reach a server on port `port` of loopback, on the same port of [`Testbed::host`], for as long as what is returned
    /// lives.
    ///
    /// # Errors
    /// There is no node.
    pub fn relay(&self, port: u16) -> Result<Relay> {
        let to = (Ipv4Addr::LOCALHOST, port).into();
        Relay::start(self.node()?.network.host.into(), port, to)
    }

    /// The address at which pods see this machine.
    ///
    /// # Errors
    /// There is no node.
    pub fn host(&self) -> Result<Ipv4Addr> {
        Ok(self.node()?.network.host)
    }

    /// A folder of the node with a disk of its own, of 64 MiB: soon full. All tests share it.
    ///
    /// # Errors
    /// There is no node.
    pub fn small_disk(&self) -> Result<&Path> {
        Ok(&self.node()?.small_disk)
    }

    fn node(&self) -> Result<&node::Endpoint> {
        self.inner
            .endpoint
            .node
            .as_ref()
            .context("this control plane has no node")
    }

    /// A user of this name who may do everything, so that the audit log can tell a test's requests from others'.
    ///
    /// # Panics
    /// As of [`Testbed::user_in`].
    pub fn user(&self, name: &str) -> User {
        self.user_in(name, &[ADMINS])
    }

    /// A user of this name in exactly these groups (at most two), who may do what RBAC grants.
    ///
    /// # Panics
    /// The name cannot be a file's name, or there are more groups.
    pub fn user_in(&self, name: &str, groups: &[&str]) -> User {
        let mut users = self
            .inner
            .users
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let number = users.len();
        let key = (
            name.to_owned(),
            groups.iter().map(ToString::to_string).collect(),
        );
        let make = || {
            let pair = self.inner.ca.client(name, groups).unwrap();
            let file = format!("user-{number}-{}", name.replace([':', '/'], "."));
            let kubeconfig = write_kubeconfig(self.folder(), &file, self.server(), &pair).unwrap();
            User {
                name: name.to_owned(),
                file,
                kubeconfig,
                server: self.server().to_owned(),
            }
        };
        users.entry(key).or_insert_with(make).clone()
    }

    /// A client of [`Testbed::user_in`].
    ///
    /// # Panics
    /// As of [`Testbed::user_in`].
    pub fn client_as(&self, name: &str, groups: &[&str]) -> Client {
        self.user_in(name, groups).client()
    }

    /// A new namespace called `<name>-<something unique>`.
    ///
    /// # Panics
    /// It cannot be made.
    pub async fn namespace(&self, name: &str) -> Namespace {
        Namespace::create(self.clone(), name).await
    }

    /// What the API server was asked.
    pub fn audit(&self) -> Audit {
        Audit::new(self.clone())
    }

    /// Stops a component in its tracks (SIGSTOP). For a test with a control plane of its own, as all of these.
    ///
    /// # Errors
    /// It does not run.
    pub async fn pause(&self, component: Component) -> Result<()> {
        self.order(Order::Pause(component)).await
    }

    /// Lets a paused component go on.
    ///
    /// # Errors
    /// It does not run.
    pub async fn resume(&self, component: Component) -> Result<()> {
        self.order(Order::Resume(component)).await
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// The supervisor is gone.
    pub async fn kill(&self, component: Component) -> Result<()> {
        self.order(Order::Kill(component)).await
    }

    /// Starts a killed component where it was (same port, same data), and waits until it serves.
    ///
    /// # Errors
    /// It runs, or does not come up.
    pub async fn start_again(&self, component: Component) -> Result<()> {
        self.order(Order::Start(component)).await
    }

    fn start_blocking(with_node: bool) -> Result<Self> {
        let mut supervisor = Supervisor::spawn(with_node)?;
        check_hello(&supervisor.answer()?)?;
        let endpoint = match serde_json::from_str(&supervisor.answer()?)? {
            Answer::Up(endpoint) => endpoint,
            Answer::Failed(why) => bail!("{why}"),
            other => bail!("the supervisor answers {other:?}"),
        };
        let ca = Ca::load(CA_NAME, &endpoint.folder)?;
        let (users, supervisor) = (Mutex::default(), Mutex::new(supervisor));
        Ok(Self {
            inner: Arc::new(Inner {
                endpoint,
                ca,
                users,
                supervisor,
            }),
        })
    }

    async fn order(&self, order: Order) -> Result<()> {
        let testbed = self.clone();
        tokio::task::spawn_blocking(move || {
            testbed.supervisor(|supervisor| supervisor.order(&order))
        })
        .await?
    }

    fn supervisor<T>(&self, ask: impl FnOnce(&mut Supervisor) -> T) -> T {
        ask(&mut self
            .inner
            .supervisor
            .lock()
            .unwrap_or_else(PoisonError::into_inner))
    }
}
