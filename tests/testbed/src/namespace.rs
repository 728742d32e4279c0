//! A namespace for one test.

use std::{
    future::Future,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use k8s_openapi::{NamespaceResourceScope, api::core::v1};
use kube::{
    Api, Client, Resource,
    api::{ListParams, LogParams, Patch, PatchParams, PostParams},
};
use serde_json::{from_value, json};
use tokio::runtime;

use crate::{
    audit::Mark,
    state,
    testbed::{Testbed, User},
    tools::Tool,
    wait::eventually,
};

/// A namespace with a name of its own. Dropped by a failing test, it prints what is in it and what was asked about it;
/// dropped otherwise, its deletion is asked for.
pub struct Namespace {
    testbed: Testbed,
    name: String,
    begin: Mark,
}

impl Namespace {
    pub(crate) async fn create(testbed: Testbed, name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!(
            "{name}-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let namespace = from_value(json!({"metadata": {"name": name}})).unwrap();
        let all: Api<v1::Namespace> = Api::all(testbed.client());
        all.create(&PostParams::default(), &namespace)
            .await
            .unwrap();
        // Without its service account no pod can be made.
        let accounts: Api<v1::ServiceAccount> = Api::namespaced(testbed.client(), &name);
        let what = format!("namespace {name} has its default service account");
        eventually(Duration::from_secs(30), &what, async || {
            accounts.get("default").await
        })
        .await;
        let begin = testbed.audit().now();
        Self {
            testbed,
            name,
            begin,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn testbed(&self) -> &Testbed {
        &self.testbed
    }

    /// A new client of the administrator.
    pub fn client(&self) -> Client {
        self.testbed.client()
    }

    /// An administrator's view of one kind in this namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client(), &self.name)
    }

    /// A user called `<program>-<namespace>` who may do everything, to be told apart in the audit log.
    pub fn user(&self, program: &str) -> User {
        self.testbed.user(&format!("{program}-{}", self.name))
    }

    /// From now on only pods that pass the `restricted` Pod Security Standard are let in.
    ///
    /// # Panics
    /// The namespace is gone.
    pub async fn restrict(&self) {
        let labels =
            json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
        let all: Api<v1::Namespace> = Api::all(self.client());
        all.patch(&self.name, &PatchParams::default(), &Patch::Merge(labels))
            .await
            .unwrap();
    }

    /// The real kubectl with these arguments, for this namespace and as the administrator.
    ///
    /// # Panics
    /// It is not built.
    pub fn kubectl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(Tool::Kubectl.locate().unwrap());
        command
            .arg("--kubeconfig")
            .arg(self.testbed.kubeconfig())
            .args(["--namespace", &self.name])
            .args(arguments);
        command
    }

    /// The output of a container of the only pod.
    ///
    /// # Panics
    /// There is none.
    pub async fn log(&self, container: &str) -> String {
        let pods: Api<v1::Pod> = self.api();
        let mut list = pods.list(&ListParams::default()).await.unwrap().items;
        let name = list.remove(0).metadata.name.unwrap();
        let of = LogParams {
            container: Some(container.into()),
            ..LogParams::default()
        };
        pods.logs(&name, &of).await.unwrap()
    }

    /// What is in the namespace and what was asked about it, for a person.
    pub async fn state(&self) -> String {
        state::describe(&self.testbed, &self.name, self.begin).await
    }

    /// Deletes the namespace and waits until it is gone, with everything in it.
    ///
    /// # Panics
    /// It is still there after five minutes.
    pub async fn delete(&self) {
        let all: Api<v1::Namespace> = Api::all(self.client());
        all.delete(&self.name, &Default::default()).await.unwrap();
        let what = format!("namespace {} is gone", self.name);
        eventually(Duration::from_secs(300), &what, async || {
            all.get_opt(&self.name).await.unwrap().is_none()
        })
        .await;
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if thread::panicking() {
            let state = elsewhere(self.state()).unwrap_or_else(|| "it cannot be asked for".into());
            eprintln!("\n== namespace {} as the test left it\n{state}", self.name);
            return;
        }
        let (testbed, name) = (self.testbed.clone(), self.name.clone());
        elsewhere(async move {
            // The control plane may be down on purpose, or the namespace gone.
            let _ = Api::<v1::Namespace>::all(testbed.client())
                .delete(&name, &Default::default())
                .await;
        });
    }
}

/// Runs a question on a thread and runtime of its own: a `drop` cannot wait on the runtime that it is part of.
/// `None` when it takes longer than ten seconds or fails.
fn elsewhere<T: Send>(question: impl Future<Output = T> + Send) -> Option<T> {
    let run = || {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .ok()?;
        runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(10), question).await })
            .ok()
    };
    thread::scope(|scope| scope.spawn(run).join().ok().flatten())
}
