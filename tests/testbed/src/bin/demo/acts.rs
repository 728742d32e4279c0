//! What the show is made of. An act shows one thing and leaves the stage ready for the next.

mod commits;
mod first_sync;
mod polecats;

use anyhow::Result;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::ListParams;

pub(crate) use commits::commits;
pub(crate) use first_sync::first_sync;
pub(crate) use polecats::polecats;

use crate::show::Stage;

/// How many ConfigMaps of the show's namespace a selector finds.
pub(crate) async fn count(stage: &Stage<'_>, selector: &str) -> Result<usize> {
    let configmaps: Api<ConfigMap> =
        Api::namespaced(stage.place.client.clone(), &stage.place.namespace);
    Ok(configmaps
        .list_metadata(&ListParams::default().labels(selector))
        .await?
        .items
        .len())
}
