//! A program that only creates.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::PostParams;
use kube::{Api, Client};

/// Creates all of `beads` in a namespace, so many requests at once, and says how long that took.
pub(crate) async fn create(
    client: Client,
    namespace: &str,
    beads: &[ConfigMap],
    at_once: NonZeroUsize,
) -> Result<Duration> {
    let api: Api<ConfigMap> = Api::namespaced(client, namespace);
    // The connection is made before, as a running program has one.
    api.list_metadata(&kube::api::ListParams::default().limit(1))
        .await?;
    let params = PostParams::default();
    let begin = Instant::now();
    stream::iter(beads)
        .map(|bead| api.create(&params, bead))
        .buffer_unordered(at_once.get())
        .try_for_each(async |_| Ok(()))
        .await?;
    Ok(begin.elapsed())
}
