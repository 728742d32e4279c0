//! Every request that the scheduler makes, each with the guard that makes it harmless to make it late or twice.

use std::collections::BTreeMap;
use std::fmt::Debug;

use beadlet_store::keys::{FIELD_MANAGER, work};
use beadlet_store::kinds::{Convoy, Polecat, Rig};
use data_encoding::HEXLOWER;
use http::Request;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::api::{
    DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy,
};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::decide::bead::Bead;
use crate::decide::slot::PolecatKey;
use crate::fault::{Ask, Fault};
use crate::term::Term;

/// The API server, asked on behalf of a term.
#[derive(Clone)]
pub(crate) struct Cluster {
    client: Client,
    term: Term,
}

type Answer<T> = Result<T, Fault>;

impl Cluster {
    #[must_use]
    pub(crate) fn new(client: Client, term: Term) -> Self {
        Self { client, term }
    }

    fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn rigs(&self) -> Api<Rig> {
        Api::all(self.client.clone())
    }

    /// Without cache.
    pub(crate) async fn rig(&self, name: &str) -> Answer<Option<Rig>> {
        self.rigs()
            .get_opt(name)
            .await
            .map_err(Fault::of(Ask::ReadRig))
    }

    /// Compare-and-swap on the resource version in `rig`.
    pub(crate) async fn write_rig_status(&self, rig: &Rig) -> Answer<Rig> {
        self.term.check()?;
        let written = self
            .rigs()
            .replace_status(&rig.name_any(), &post(), rig)
            .await;
        written.map_err(Fault::of(Ask::WriteRig))
    }

    /// Without cache.
    pub(crate) async fn polecat(&self, key: &PolecatKey) -> Answer<Option<Polecat>> {
        let found = self.api::<Polecat>(&key.namespace).get_opt(&key.name).await;
        found.map_err(Fault::of(Ask::ReadPolecat))
    }

    /// The Polecats of a Rig, without cache; in one namespace, or in all.
    pub(crate) async fn polecats_of(
        &self,
        rig: &str,
        namespace: Option<&str>,
    ) -> Answer<Vec<Polecat>> {
        let params = ListParams::default().fields(&format!("spec.rig={rig}"));
        self.list_polecats(namespace, &params).await
    }

    /// All Polecats, without cache; of one namespace, or of all.
    pub(crate) async fn polecats(&self, namespace: Option<&str>) -> Answer<Vec<Polecat>> {
        self.list_polecats(namespace, &ListParams::default()).await
    }

    async fn list_polecats(
        &self,
        namespace: Option<&str>,
        params: &ListParams,
    ) -> Answer<Vec<Polecat>> {
        let api = namespace.map_or_else(
            || Api::all(self.client.clone()),
            |namespace| self.api::<Polecat>(namespace),
        );
        api.list(params)
            .await
            .map(|list| list.items)
            .map_err(Fault::of(Ask::ReadPolecat))
    }

    /// Twice is once: [`Fault::is_already_exists`].
    pub(crate) async fn create_polecat(&self, polecat: &Polecat) -> Answer<Polecat> {
        self.create(polecat, Ask::CreatePolecat).await
    }

    /// Compare-and-swap on the resource version in `polecat`.
    pub(crate) async fn write_polecat_status(&self, polecat: &Polecat) -> Answer<Polecat> {
        self.write_status(polecat, Ask::WritePolecat).await
    }

    /// Puts the finalizer on. Compare-and-swap on the resource version in `polecat`.
    pub(crate) async fn hold(&self, polecat: &Polecat) -> Answer<Polecat> {
        let finalizers = polecat.finalizers().iter().map(String::as_str);
        let finalizers = finalizers.chain([work::FINALIZER]).collect();
        self.write_finalizers(polecat, finalizers).await
    }

    /// Takes the finalizer off. Compare-and-swap on the resource version in `polecat`, which may be gone.
    pub(crate) async fn let_go(&self, polecat: &Polecat) -> Answer<()> {
        let finalizers = polecat.finalizers().iter().map(String::as_str);
        let others = finalizers.filter(|name| *name != work::FINALIZER).collect();
        match self.write_finalizers(polecat, others).await {
            Err(fault) if !fault.is_not_found() => Err(fault),
            _ => Ok(()),
        }
    }

    async fn write_finalizers(&self, polecat: &Polecat, finalizers: Vec<&str>) -> Answer<Polecat> {
        let patch = json!({"metadata": {"resourceVersion": polecat.resource_version(), "finalizers": finalizers}});
        self.merge(polecat, &patch, Ask::WritePolecat).await
    }

    /// Only this very Polecat, as it was seen.
    pub(crate) async fn delete_polecat(&self, polecat: &Polecat) -> Answer<()> {
        let as_seen = Preconditions {
            uid: polecat.uid(),
            resource_version: polecat.resource_version(),
        };
        self.delete(
            polecat,
            as_seen,
            PropagationPolicy::Background,
            Ask::DeletePolecat,
        )
        .await
    }

    /// Without cache.
    pub(crate) async fn job(&self, namespace: &str, name: &str) -> Answer<Option<Job>> {
        self.api::<Job>(namespace)
            .get_opt(name)
            .await
            .map_err(Fault::of(Ask::ReadJob))
    }

    /// The pods of a Polecat's Job, without cache.
    pub(crate) async fn pods(&self, polecat: &PolecatKey) -> Answer<Vec<Pod>> {
        let of = ListParams::default().labels(&format!("{}={}", work::POLECAT, polecat.name));
        let found = self.api::<Pod>(&polecat.namespace).list(&of).await;
        found
            .map(|list| list.items)
            .map_err(Fault::of(Ask::ReadPods))
    }

    /// Twice is once: [`Fault::is_already_exists`].
    pub(crate) async fn create_job(&self, job: &Job) -> Answer<Job> {
        self.create(job, Ask::CreateJob).await
    }

    /// Unsuspends this very Job, if it is still the one for this stretch of work.
    pub(crate) async fn start_job(&self, job: &Job, stretch: i64) -> Answer<Job> {
        let stretch = stretch.to_string();
        self.patch_job(
            job,
            Ask::StartJob,
            &[
                json!({"op": "test", "path": "/metadata/uid", "value": job.uid()}),
                json!({"op": "test", "path": stretch_path(), "value": stretch}),
                json!({"op": "replace", "path": "/spec/suspend", "value": false}),
            ],
        )
        .await
    }

    /// Suspends this very Job, and makes it the one for the given stretch of work.
    pub(crate) async fn suspend_job(&self, job: &Job, stretch: i64) -> Answer<Job> {
        let stretch = stretch.to_string();
        self.patch_job(
            job,
            Ask::SuspendJob,
            &[
                json!({"op": "test", "path": "/metadata/uid", "value": job.uid()}),
                json!({"op": "replace", "path": stretch_path(), "value": stretch}),
                json!({"op": "replace", "path": "/spec/suspend", "value": true}),
            ],
        )
        .await
    }

    /// Deletes this very Job; it is gone when its pods are.
    pub(crate) async fn delete_job(&self, job: &Job) -> Answer<()> {
        let this_one = Preconditions {
            uid: job.uid(),
            resource_version: None,
        };
        self.delete(job, this_one, PropagationPolicy::Foreground, Ask::DeleteJob)
            .await
    }

    pub(crate) async fn set_ttl(&self, job: &Job, seconds: i32) -> Answer<Job> {
        let patch =
            json!({"metadata": {"uid": job.uid()}, "spec": {"ttlSecondsAfterFinished": seconds}});
        self.merge(job, &patch, Ask::SetTtl).await
    }

    /// Notes on a bead's ConfigMap which attempt was the last whose Polecat is gone. The mirror leaves the note alone.
    pub(crate) async fn remember_attempt(&self, bead: &Bead, attempt: u32) -> Answer<()> {
        self.term.check()?;
        let patch = json!({"metadata": {"uid": bead.uid, "annotations": {work::LAST_ATTEMPT: attempt.to_string()}}});
        let api = self.api::<ConfigMap>(&bead.key.namespace);
        let written = api
            .patch_metadata(&bead.configmap, &params(), &Patch::Merge(&patch))
            .await;
        written.map(drop).map_err(Fault::of(Ask::RememberAttempt))
    }

    /// Compare-and-swap on the resource version in `convoy`.
    pub(crate) async fn write_convoy_status(&self, convoy: &Convoy) -> Answer<Convoy> {
        self.write_status(convoy, Ask::WriteConvoy).await
    }

    /// Twice is once: [`Fault::is_already_exists`].
    pub(crate) async fn create_convoy(&self, convoy: &Convoy) -> Answer<Convoy> {
        self.create(convoy, Ask::WriteConvoy).await
    }

    /// Compare-and-swap on the resource version in `convoy`.
    pub(crate) async fn write_members(
        &self,
        convoy: &Convoy,
        description: &str,
        tracked_beads: &[String],
    ) -> Answer<Convoy> {
        let patch = json!({
            "metadata": {"resourceVersion": convoy.resource_version()},
            "spec": {"description": description, "trackedBeads": tracked_beads},
        });
        self.merge(convoy, &patch, Ask::WriteConvoy).await
    }

    /// Only this very Convoy, as it was seen.
    pub(crate) async fn delete_convoy(&self, convoy: &Convoy) -> Answer<()> {
        let as_seen = Preconditions {
            uid: convoy.uid(),
            resource_version: convoy.resource_version(),
        };
        self.delete(
            convoy,
            as_seen,
            PropagationPolicy::Background,
            Ask::WriteConvoy,
        )
        .await
    }

    pub(crate) async fn secret(&self, namespace: &str, name: &str) -> Answer<Option<Secret>> {
        self.api::<Secret>(namespace)
            .get_opt(name)
            .await
            .map_err(Fault::of(Ask::ReadSecret))
    }

    pub(crate) async fn has_configmap(&self, namespace: &str, name: &str) -> Answer<bool> {
        let found = self
            .api::<ConfigMap>(namespace)
            .get_metadata_opt(name)
            .await;
        found
            .map(|found| found.is_some())
            .map_err(Fault::of(Ask::ReadConfigMap))
    }

    async fn create<K>(&self, object: &K, ask: Ask) -> Answer<K>
    where
        K: Namespaced,
    {
        self.term.check()?;
        self.of(object)
            .create(&post(), object)
            .await
            .map_err(Fault::of(ask))
    }

    async fn write_status<K: Namespaced>(&self, object: &K, ask: Ask) -> Answer<K> {
        self.term.check()?;
        self.of(object)
            .replace_status(&object.name_any(), &post(), object)
            .await
            .map_err(Fault::of(ask))
    }

    async fn merge<K: Namespaced>(&self, object: &K, patch: &Value, ask: Ask) -> Answer<K> {
        self.term.check()?;
        self.of(object)
            .patch(&object.name_any(), &params(), &Patch::Merge(patch))
            .await
            .map_err(Fault::of(ask))
    }

    async fn delete<K: Namespaced>(
        &self,
        object: &K,
        only: Preconditions,
        how: PropagationPolicy,
        ask: Ask,
    ) -> Answer<()> {
        self.term.check()?;
        let params = DeleteParams {
            preconditions: Some(only),
            propagation_policy: Some(how),
            ..DeleteParams::default()
        };
        match self
            .of(object)
            .delete(&object.name_any(), &params)
            .await
            .map_err(Fault::of(ask))
        {
            Err(fault) if fault.is_not_found() => Ok(()),
            answer => answer.map(drop),
        }
    }

    fn of<K: Namespaced>(&self, object: &K) -> Api<K> {
        self.api(&object.namespace().unwrap_or_default())
    }

    /// A JSON patch, whose tests are made by the API server at the moment of the write.
    async fn patch_job(&self, job: &Job, ask: Ask, patch: &[Value]) -> Answer<Job> {
        self.term.check()?;
        let (namespace, name) = (job.namespace().unwrap_or_default(), job.name_any());
        let uri = format!(
            "/apis/batch/v1/namespaces/{namespace}/jobs/{name}?fieldManager={FIELD_MANAGER}"
        );
        let body = serde_json::to_vec(patch).unwrap_or_default();
        let request = Request::patch(uri)
            .header(http::header::CONTENT_TYPE, "application/json-patch+json")
            .body(body);
        match request {
            Ok(request) => self.client.request(request).await.map_err(Fault::of(ask)),
            Err(error) => Err(Fault::of(ask)(kube::Error::HttpError(error))),
        }
    }
}

/// A kind whose objects are written.
trait Namespaced:
    Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
    + Clone
    + Debug
    + DeserializeOwned
    + Serialize
{
}

impl<K> Namespaced for K where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
{
}

/// The annotation's path in a JSON pointer.
fn stretch_path() -> String {
    format!("/metadata/annotations/{}", work::STRETCH.replace('/', "~1"))
}

fn post() -> PostParams {
    PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    }
}

fn params() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

/// The text values of a Secret's keys, hashed: what is compared, and nothing that could be used.
#[must_use]
pub(crate) fn fingerprints(secret: &Secret) -> BTreeMap<String, String> {
    use sha2::{Digest, Sha256};
    let uid = secret.uid().unwrap_or_default();
    let of = |value: &[u8]| -> String {
        let digest = Sha256::new()
            .chain_update(uid.as_bytes())
            .chain_update(value)
            .finalize();
        HEXLOWER.encode(&digest[..8])
    };
    secret
        .data
        .iter()
        .flatten()
        .map(|(key, value)| (key.clone(), of(&value.0)))
        .collect()
}
