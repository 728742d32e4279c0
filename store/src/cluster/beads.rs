//! The ConfigMaps of one store in one namespace.

use bytes::Bytes;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::params::{
    DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams, Preconditions,
};
use serde::Deserialize;

use super::fault::{Fault, Verb};
use super::ownership::Claim;
use super::patch::merge_patch;
use super::stored::{Identity, Prior, ResourceVersion, Sighting, Stored, Wire};
use super::transport::Transport;
use crate::configmap::Scope;
use crate::keys::{FIELD_MANAGER, label};

/// Answers to writes need not repeat the whole object.
const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
/// What a page of a list should weigh, in bytes: it bounds the memory of a start.
const PAGE_BYTES: usize = 1 << 20;

/// The ConfigMaps of one store in one namespace. Cheap to clone.
#[derive(Clone)]
pub struct Beads {
    pub(super) transport: Transport,
    requests: kube::core::Request,
    claim: std::sync::Arc<Claim>,
}

/// Where a list goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    token: Option<String>,
    /// In objects.
    limit: u32,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// `None` on the last page.
    pub next: Option<Cursor>,
    /// Of the whole list: a watch from here misses nothing.
    pub version: ResourceVersion,
}

/// How a deletion ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deleted {
    Gone,
    /// A finalizer keeps the object for now.
    Terminating(Identity),
}

impl Default for Cursor {
    fn default() -> Self {
        Self {
            token: None,
            limit: 100,
        }
    }
}

impl Beads {
    #[must_use]
    pub fn new(client: kube::Client, scope: &Scope) -> Self {
        Self {
            transport: Transport::new(client, &scope.namespace),
            requests: kube::core::Request::new(format!(
                "/api/v1/namespaces/{}/configmaps",
                scope.namespace
            )),
            claim: std::sync::Arc::new(Claim {
                store: scope.store.clone(),
                owner: scope.owner.clone(),
            }),
        }
    }

    /// A page of our objects with their contents, of about one MiB. The next page may be refused with [`Fault::Expired`] when
    /// too much time has passed: then the list starts again.
    ///
    /// # Errors
    /// What the API server says.
    pub async fn page(&self, cursor: &Cursor) -> Result<Page<Stored>, Fault> {
        let request = self
            .requests
            .list(&self.list_params(cursor))
            .map_err(malformed)?;
        let body = self.transport.send(Verb::List, empty(request)).await?;
        let list: WireList<Wire<'_>> = parse(&body)?;
        let limit = fitting_limit(body.len(), list.items.len());
        let Self { claim, .. } = self;
        Ok(list.into_page(limit, |wire| wire.into_stored(claim)))
    }

    /// The same without contents: only which object has which version.
    ///
    /// # Errors
    /// What the API server says.
    pub async fn sightings(&self, cursor: &Cursor) -> Result<Page<Sighting>, Fault> {
        let request = self
            .requests
            .list_metadata(&self.list_params(cursor))
            .map_err(malformed)?;
        let body = self.transport.send(Verb::List, empty(request)).await?;
        let list: WireList<Seen> = parse(&body)?;
        let limit = fitting_limit(body.len(), list.items.len());
        Ok(list.into_page(limit, |seen| seen.metadata))
    }

    /// One object, whoever made it; `None` when there is none of that name.
    ///
    /// # Errors
    /// What the API server says.
    pub async fn get(&self, name: &str) -> Result<Option<Stored>, Fault> {
        let request = self
            .requests
            .get(name, &GetParams::default())
            .map_err(malformed)?;
        match self.transport.send(Verb::Get, empty(request)).await {
            Ok(body) => Ok(Some(parse::<Wire<'_>>(&body)?.into_stored(&self.claim))),
            Err(Fault::NotFound) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Creates an object. After a lost answer it may be there although this says [`Fault::AlreadyExists`].
    ///
    /// # Errors
    /// What the API server says.
    pub async fn create(&self, desired: &ConfigMap) -> Result<Identity, Fault> {
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let body = serde_json::to_vec(desired).map_err(malformed)?;
        let request = self.requests.create(&params, body).map_err(malformed)?;
        self.write(Verb::Create, request).await
    }

    /// Turns the object that is `prior` into `desired`; what others put there stays. After a lost answer it may be done
    /// although this says [`Fault::Conflict`].
    ///
    /// # Errors
    /// What the API server says; [`Fault::Conflict`] when the object is not `prior` any more.
    pub async fn patch(&self, desired: &ConfigMap, prior: &Prior) -> Result<Identity, Fault> {
        let name = desired.metadata.name.as_deref().unwrap_or_default();
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(merge_patch(desired, prior));
        let request = self
            .requests
            .patch(name, &params, &patch)
            .map_err(malformed)?;
        self.write(Verb::Patch, request).await
    }

    /// Deletes the object that is `prior`, and no other of its name. One that is gone already counts as deleted.
    ///
    /// # Errors
    /// What the API server says; [`Fault::Conflict`] when the object is not `prior` any more.
    pub async fn delete(&self, name: &str, prior: &Identity) -> Result<Deleted, Fault> {
        let params = DeleteParams::background().preconditions(Preconditions {
            uid: Some(prior.uid.to_string()),
            resource_version: Some(prior.version.as_str().to_owned()),
        });
        let request = self.requests.delete(name, &params).map_err(malformed)?;
        match self
            .transport
            .send(Verb::Delete, request.map(Bytes::from))
            .await
        {
            // The object itself comes back when it is not gone yet, else a `Status` without metadata of an object.
            Ok(body) => {
                Ok(parse::<Written>(&body)
                    .map_or(Deleted::Gone, |w| Deleted::Terminating(w.metadata)))
            }
            Err(Fault::NotFound) => Ok(Deleted::Gone),
            Err(fault) => Err(fault),
        }
    }

    /// Selects what a list or a watch of this store brings.
    pub(super) fn selector(&self) -> String {
        format!(
            "{}={},{}={}",
            label::MANAGED_BY,
            label::MANAGED_BY_BEADLET,
            label::STORE,
            self.claim.store
        )
    }

    pub(super) fn requests(&self) -> &kube::core::Request {
        &self.requests
    }

    fn list_params(&self, cursor: &Cursor) -> ListParams {
        ListParams {
            label_selector: Some(self.selector()),
            limit: Some(cursor.limit),
            continue_token: cursor.token.clone(),
            ..ListParams::default()
        }
    }

    async fn write(&self, verb: Verb, request: http::Request<Vec<u8>>) -> Result<Identity, Fault> {
        let mut request = request.map(Bytes::from);
        let accept = http::HeaderValue::from_static(METADATA_ONLY);
        request.headers_mut().insert(http::header::ACCEPT, accept);
        let body = self.transport.send(verb, request).await?;
        Ok(parse::<Written>(&body)?.metadata)
    }
}

#[derive(Deserialize)]
struct Written {
    metadata: Identity,
}

#[derive(Deserialize)]
struct Seen {
    metadata: Sighting,
}

#[derive(Deserialize)]
struct WireList<T> {
    metadata: ListMeta,
    items: Vec<T>,
}

#[derive(Deserialize)]
struct ListMeta {
    #[serde(rename = "resourceVersion")]
    version: ResourceVersion,
    #[serde(rename = "continue", default)]
    token: String,
}

impl<T> WireList<T> {
    fn into_page<U>(self, limit: u32, each: impl FnMut(T) -> U) -> Page<U> {
        let token = Some(self.metadata.token).filter(|t| !t.is_empty());
        Page {
            items: self.items.into_iter().map(each).collect(),
            next: token.map(|token| Cursor {
                token: Some(token),
                limit,
            }),
            version: self.metadata.version,
        }
    }
}

/// The number of objects that make a page of about [`PAGE_BYTES`], going by the last one.
fn fitting_limit(bytes: usize, items: usize) -> u32 {
    let each = bytes / items.max(1) + 1;
    u32::try_from(PAGE_BYTES / each)
        .unwrap_or(u32::MAX)
        .clamp(10, 1000)
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(malformed)
}

fn empty(request: http::Request<Vec<u8>>) -> http::Request<Bytes> {
    request.map(Bytes::from)
}

pub(super) fn malformed(error: impl std::error::Error) -> Fault {
    Fault::Malformed {
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_weigh_about_a_mebibyte() {
        assert_eq!(fitting_limit(100 * 2048, 100), 511);
        assert_eq!(fitting_limit(100 * 1024 * 1024, 100), 10);
        assert_eq!(fitting_limit(200, 0), 1000);
    }
}
