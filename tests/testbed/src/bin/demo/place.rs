//! The cluster and the namespace in which the show takes place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use beadlet_testbed::Testbed;
use beadlet_testbed::node;
use beadlet_testbed::process::on_path;
use beadlet_testbed::tools::Tool;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{conditions, wait::await_condition};
use kube::{Api, Client, Config, ResourceExt};
use tokio::time::timeout;

use crate::kubectl::Kubectl;
use crate::screen::Screen;

/// How long a namespace may take to go.
const PARTING: Duration = Duration::from_secs(120);

pub(crate) struct Place {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) kubectl: Kubectl,
    /// What a person exports; None: what they have exported already.
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) context: Option<String>,
    /// A folder that a person without kubectl needs on their PATH.
    pub(crate) tools: Option<PathBuf>,
    /// The uid of a namespace that must go at the end. Nothing is left of a control plane of our own anyway.
    borrowed: Option<String>,
    /// Ends with this.
    testbed: Option<Testbed>,
}

impl Place {
    /// A control plane of our own.
    pub(crate) async fn built(screen: Screen, folder: &Path) -> Result<Self> {
        screen.heading("Control plane");
        let begin = Instant::now();
        let obstacle = node::obstacle();
        let testbed = match &obstacle {
            None => Testbed::start_with_node().await?,
            Some(_) => Testbed::start().await?,
        };
        let version = Tool::ApiServer.version()?;
        screen.line(&format!(
            "etcd, kube-apiserver and kube-controller-manager {version}"
        ));
        match &obstacle {
            None => screen.line("kube-scheduler, containerd and kubelet: one node"),
            Some(why) => screen.line(&format!("no node: {why}")),
        }
        screen.line(&format!(
            "{}, up in {:.1} s",
            testbed.server(),
            begin.elapsed().as_secs_f64()
        ));
        let namespace = "town".to_owned();
        let client = testbed.client();
        settle(&client, &namespace).await?;
        let kubeconfig = folder.join("kubeconfig");
        write_kubeconfig(testbed.kubeconfig(), &namespace, &kubeconfig)?;
        let program = Tool::Kubectl.locate()?;
        let tools = program
            .parent()
            .filter(|_| on_path("kubectl").is_none())
            .map(Path::to_owned);
        Ok(Self {
            kubectl: Kubectl::with_kubeconfig(program, &kubeconfig),
            client,
            namespace,
            kubeconfig: Some(kubeconfig),
            context: None,
            tools,
            borrowed: None,
            testbed: Some(testbed),
        })
    }

    /// The cluster of a context of the person's kubeconfig, in a namespace of our own.
    pub(crate) async fn given(screen: Screen, context: &str) -> Result<Self> {
        screen.heading("Cluster");
        let program = on_path("kubectl").or_else(|| Tool::Kubectl.locate().ok());
        let program =
            program.context("the demo shows kubectl, which is not on the PATH: install it")?;
        let options = KubeConfigOptions {
            context: Some(context.to_owned()),
            ..KubeConfigOptions::default()
        };
        let config = Config::from_kubeconfig(&options).await;
        let client =
            Client::try_from(config.with_context(|| format!("cannot use the context {context}"))?)?;
        let namespace = format!("beadlet-demo-{}", process::id());
        let uid = settle(&client, &namespace).await?;
        screen.line(&format!(
            "context {context}, namespace {namespace}, removed at the end"
        ));
        Ok(Self {
            kubectl: Kubectl::with_context(program, context, &namespace),
            client,
            namespace,
            kubeconfig: None,
            context: Some(context.to_owned()),
            tools: None,
            borrowed: Some(uid),
            testbed: None,
        })
    }

    /// The control plane, where it is our own.
    pub(crate) fn testbed(&self) -> Option<&Testbed> {
        self.testbed.as_ref()
    }

    /// Whether pods run here that we know of.
    pub(crate) fn has_node(&self) -> bool {
        self.testbed().is_some_and(|testbed| testbed.host().is_ok())
    }

    /// Whether the cluster is somebody's who has other things in it.
    pub(crate) fn is_borrowed(&self) -> bool {
        self.borrowed.is_some()
    }

    /// Leaves nothing behind in a cluster that is not ours.
    pub(crate) async fn leave(self, screen: Screen) {
        let Some(uid) = self.borrowed else { return };
        screen.line(&format!("removing namespace {}", self.namespace));
        if let Err(error) = remove(&self.client, &self.namespace, &uid).await {
            screen.whole(&format!(
                "namespace {} may be left: {error:#}",
                self.namespace
            ));
        }
    }
}

/// Makes the namespace and gives its uid.
async fn settle(client: &Client, name: &str) -> Result<String> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let wanted: Namespace =
        serde_json::from_value(serde_json::json!({"metadata": {"name": name}}))?;
    let made = namespaces.create(&PostParams::default(), &wanted).await;
    let made = made.with_context(|| format!("cannot make namespace {name}"))?;
    made.uid()
        .with_context(|| format!("namespace {name} has no uid"))
}

async fn remove(client: &Client, name: &str, uid: &str) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.delete(name, &DeleteParams::default()).await?;
    let gone = await_condition(namespaces, name, conditions::is_deleted(uid));
    timeout(PARTING, gone)
        .await
        .with_context(|| format!("it is still being removed after {PARTING:?}"))??;
    Ok(())
}

/// A copy of the kubeconfig whose context names the namespace, so that nobody needs to type it.
fn write_kubeconfig(original: &Path, namespace: &str, copy: &Path) -> Result<()> {
    let mut kubeconfig =
        Kubeconfig::read_from(original).context("cannot read the control plane's kubeconfig")?;
    for context in kubeconfig
        .contexts
        .iter_mut()
        .filter_map(|named| named.context.as_mut())
    {
        context.namespace = Some(namespace.to_owned());
    }
    // JSON is YAML too.
    fs::write(copy, serde_json::to_vec_pretty(&kubeconfig)?)
        .with_context(|| format!("cannot write {}", copy.display()))
}
