//! The requests of the BeadStore controller.

use std::sync::Arc;

use beadlet_store::cluster::{Chronicle, News};
use beadlet_store::keys::{FIELD_MANAGER, annotation, label};
use beadlet_store::kinds::BeadStore;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::core::PartialObjectMeta;
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::{Value, json};

use super::Key;

/// Of a BeadStore that is mirrored.
const FINALIZER: &str = "gastown.gastown.io/beadstore";

/// What was asked of the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    ReadStores,
    ReadRig,
    ReadSecret,
    ReadConfigMap,
    WriteStore,
    WriteStatus,
    Announce,
    Orphan,
}

impl Ask {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadStores => "read the BeadStores",
            Self::ReadRig => "read the Rig",
            Self::ReadSecret => "read the Secret",
            Self::ReadConfigMap => "read the ConfigMap",
            Self::WriteStore => "write the finalizer of the BeadStore",
            Self::WriteStatus => "write the status of the BeadStore",
            Self::Announce => "announce a push on the BeadStore",
            Self::Orphan => "take the owner off the ConfigMaps",
        }
    }
}

/// A request that failed.
#[derive(Debug, thiserror::Error)]
#[error("could not {}: {source}", .ask.as_str())]
pub struct ControlError {
    pub ask: Ask,
    source: Box<kube::Error>,
}

impl ControlError {
    pub(crate) fn of(ask: Ask) -> impl Fn(kube::Error) -> Self {
        move |source| Self {
            ask,
            source: Box::new(source),
        }
    }

    /// Whether the object changed since it was seen, or is gone.
    pub(super) fn is_outdated(&self) -> bool {
        matches!(&*self.source, kube::Error::Api(status) if status.code == 409 || status.code == 404)
    }

    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(&*self.source, kube::Error::Api(status) if status.code == 403)
    }
}

#[derive(Clone)]
pub(super) struct Cluster {
    client: Client,
    chronicle: Arc<Chronicle>,
}

impl Cluster {
    pub(super) fn new(client: Client) -> Self {
        let chronicle = Arc::new(Chronicle::new(client.clone(), None));
        Self { client, chronicle }
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    fn stores(&self, store: &BeadStore) -> Api<BeadStore> {
        Api::namespaced(self.client.clone(), &store.namespace().unwrap_or_default())
    }

    /// Has whoever mirrors the store look at the branch. One that is gone has nobody to look.
    pub(super) async fn announce(&self, (namespace, name): &Key) -> Result<(), ControlError> {
        let now = jiff::Timestamp::now().to_string();
        let patch = json!({"metadata": {"annotations": {annotation::PUSH_ANNOUNCED: now}}});
        let stores = Api::<BeadStore>::namespaced(self.client.clone(), namespace);
        let written = stores
            .patch_metadata(name, &params(), &Patch::Merge(&patch))
            .await
            .map_err(ControlError::of(Ask::Announce));
        match written {
            Err(error) if !error.is_outdated() => Err(error),
            _ => Ok(()),
        }
    }

    /// The store with our finalizer.
    pub(super) async fn with_finalizer(
        &self,
        store: &BeadStore,
    ) -> Result<BeadStore, ControlError> {
        if store.finalizers().iter().any(|name| name == FINALIZER) {
            return Ok(store.clone());
        }
        let finalizers = [store.finalizers().to_vec(), vec![FINALIZER.to_owned()]].concat();
        self.write_finalizers(store, &finalizers).await
    }

    pub(super) async fn without_finalizer(&self, store: &BeadStore) -> Result<(), ControlError> {
        let others: Vec<String> = store
            .finalizers()
            .iter()
            .filter(|name| *name != FINALIZER)
            .cloned()
            .collect();
        if others.len() == store.finalizers().len() {
            return Ok(());
        }
        self.write_finalizers(store, &others).await.map(drop)
    }

    async fn write_finalizers(
        &self,
        store: &BeadStore,
        finalizers: &[String],
    ) -> Result<BeadStore, ControlError> {
        let patch = json!({"metadata": {"resourceVersion": store.resource_version(), "finalizers": finalizers}});
        let written = self
            .stores(store)
            .patch(&store.name_any(), &params(), &Patch::Merge(&patch))
            .await;
        written.map_err(ControlError::of(Ask::WriteStore))
    }

    /// Compare-and-swap on the resource version in `store`.
    pub(super) async fn write_status(&self, store: &BeadStore) -> Result<BeadStore, ControlError> {
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.into()),
            ..PostParams::default()
        };
        self.stores(store)
            .replace_status(&store.name_any(), &params, store)
            .await
            .map_err(ControlError::of(Ask::WriteStatus))
    }

    /// Takes the store off the owners of its ConfigMaps, so that they stay when it goes.
    pub(super) async fn orphan(&self, store: &BeadStore) -> Result<(), ControlError> {
        let api: Api<ConfigMap> =
            Api::namespaced(self.client.clone(), &store.namespace().unwrap_or_default());
        let ours = format!(
            "{}={},{}={}",
            label::MANAGED_BY,
            label::MANAGED_BY_BEADLET,
            label::STORE,
            store.name_any()
        );
        let found = api
            .list_metadata(&ListParams::default().labels(&ours))
            .await
            .map_err(ControlError::of(Ask::Orphan))?;
        for object in found.items {
            let Some(patch) = disown(&object, store) else {
                continue;
            };
            match api
                .patch_metadata(&object.name_any(), &params(), &Patch::Merge(&patch))
                .await
                .map_err(ControlError::of(Ask::Orphan))
            {
                Err(error) if !error.is_outdated() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Tells what a person should see in `kubectl describe`. Best effort.
    pub(super) async fn tell(
        &self,
        store: &BeadStore,
        reason: &str,
        message: String,
        is_warning: bool,
    ) {
        let news = News {
            reason: reason.to_owned(),
            note: message,
            is_warning,
            action: "Sync",
        };
        let about = store.object_ref(&());
        if let Err(error) = self.chronicle.tell(&about, news).await {
            tracing::debug!(%error, reason, "event not written");
        }
    }
}

/// The patch that takes `store` off the owners of an object, where it is one.
fn disown(object: &PartialObjectMeta<ConfigMap>, store: &BeadStore) -> Option<Value> {
    let uid = store.uid()?;
    let others: Vec<_> = object
        .owner_references()
        .iter()
        .filter(|owner| owner.uid != uid)
        .collect();
    let is_owner = others.len() < object.owner_references().len();
    is_owner.then(|| json!({"metadata": {"uid": object.uid(), "ownerReferences": others}}))
}

fn params() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}
