//! A program that only creates.

use std::fmt::Debug;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Creates all of `objects` in a namespace, so many requests at once, and says how long that took.
pub(crate) async fn create<K>(
    client: Client,
    namespace: &str,
    objects: &[K],
    at_once: NonZeroUsize,
) -> Result<Duration>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + Debug + DeserializeOwned + Serialize,
{
    let api: Api<K> = Api::namespaced(client, namespace);
    // The connection is made before, as a running program has one.
    api.list_metadata(&ListParams::default().limit(1)).await?;
    let params = PostParams::default();
    let begin = Instant::now();
    stream::iter(objects)
        .map(|object| api.create(&params, object))
        .buffer_unordered(at_once.get())
        .try_for_each(async |_| Ok(()))
        .await?;
    Ok(begin.elapsed())
}
