//! A proxy in front of the API server that does what a real one will not do on demand.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result};
use kube::{Client, Config, config::Kubeconfig};
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{
    pki::{Ca, Validity},
    server::{self, Server},
    testbed::User,
};

mod forward;
mod request;
mod rule;

pub use request::Asked;
pub use rule::{Fault, On};

use rule::Rule;

/// How the proxy's clients reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// HTTP/1.1 without TLS: a dropped request is a closed connection.
    Plain,
    /// TLS with HTTP/2, as to a real server: a dropped request is a reset stream.
    Tls,
}

/// A proxy that asks the API server as one user, whoever its clients are. Without rules it only passes on.
pub struct FaultProxy {
    _server: Server,
    state: Arc<State>,
    kubeconfig: PathBuf,
    _folder: TempDir,
}

/// A request that came by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    pub asked: Asked,
    /// Of the answer that the client got; `None` where it got none.
    pub status: Option<u16>,
    /// What was done to it, if a rule held.
    pub fault: Option<&'static str>,
}

/// A rule that was set, to see how often it held.
#[derive(Clone)]
pub struct Set {
    held: Arc<AtomicUsize>,
}

/// What the connections share.
struct State {
    upstream: Client,
    rules: Mutex<Vec<Arc<Rule>>>,
    log: Mutex<Vec<Passed>>,
    /// Cancelled and replaced by [`FaultProxy::cut_watches`].
    watches: Mutex<CancellationToken>,
}

impl FaultProxy {
    /// A proxy that asks as `user`, reached without TLS.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(user: &User) -> Self {
        Self::start_on(user, Wire::Plain)
    }

    /// # Panics
    /// It cannot be started.
    pub fn start_on(user: &User, wire: Wire) -> Self {
        Self::try_start(user, wire)
            .unwrap_or_else(|error| panic!("the fault proxy does not start: {error:#}"))
    }

    /// For a program that is to go through the proxy.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A new client that goes through the proxy, bound to the runtime of the caller.
    ///
    /// # Panics
    /// The kubeconfig is gone.
    pub async fn client(&self) -> Client {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &Default::default())
            .await
            .unwrap();
        // A test sees each fault, not what a second attempt got.
        config.default_retry = false;
        config.try_into().unwrap()
    }

    /// From now on requests that match get the fault, if no earlier rule holds for them.
    pub fn rule(&self, on: On, fault: Fault) -> Set {
        let rule = Arc::new(Rule::new(on, fault));
        lock(&self.state.rules).push(rule.clone());
        Set { held: rule.held() }
    }

    /// Forgets all rules.
    pub fn clear(&self) {
        lock(&self.state.rules).clear();
    }

    /// Ends all watches that are open now, in the middle of the answer.
    pub fn cut_watches(&self) {
        std::mem::take(&mut *lock(&self.state.watches)).cancel();
    }

    /// What came by until now, in the order in which it was answered or dropped.
    pub fn log(&self) -> Vec<Passed> {
        lock(&self.state.log).clone()
    }

    fn try_start(user: &User, wire: Wire) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let upstream = {
            let _in_runtime = server::runtime().enter();
            user.client()
        };
        let state = Arc::new(State {
            upstream,
            rules: Mutex::default(),
            log: Mutex::default(),
            watches: Mutex::default(),
        });
        let ca = Ca::new("testbed fault proxy")?;
        ca.save(folder.path())?;
        let tls = match wire {
            Wire::Plain => None,
            Wire::Tls => Some(server::tls(
                &ca.server(&["127.0.0.1"], Validity::Current)?,
                &["h2", "http/1.1"],
            )?),
        };
        let shared = state.clone();
        let server = Server::start(tls, move |request| {
            forward::respond(shared.clone(), request)
        })?;
        let kubeconfig = write_kubeconfig(folder.path(), wire, server.port())?;
        Ok(Self {
            _server: server,
            state,
            kubeconfig,
            _folder: folder,
        })
    }
}

impl Set {
    /// How many requests it was applied to.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }
}

fn write_kubeconfig(folder: &Path, wire: Wire, port: u16) -> Result<PathBuf> {
    let cluster = match wire {
        Wire::Plain => json!({"server": format!("http://127.0.0.1:{port}")}),
        Wire::Tls => {
            json!({"server": format!("https://127.0.0.1:{port}"), "certificate-authority": folder.join("ca.crt")})
        }
    };
    let content = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "proxy",
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        "clusters": [{"name": "proxy", "cluster": cluster}],
        "users": [{"name": "proxy", "user": {}}],
    });
    let path = folder.join("kubeconfig");
    fs::write(&path, format!("{content:#}\n"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
