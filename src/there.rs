//! What is in the cluster, read to compare it with what should be there.

use std::collections::{BTreeMap, HashSet};

use beadlet_store::cluster::{Beads, Fault};
use beadlet_store::configmap::Scope;
use beadlet_sync::decide::observed::Observed;
use beadlet_sync::observe;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::ListParams;

use crate::cluster::{ClusterError, Connection};

/// ConfigMaps that are read at the same time.
const READS: usize = 16;
/// Names that are listed at once.
const PAGE: u32 = 500;

/// The ConfigMaps of one namespace.
pub struct There<'c> {
    connection: &'c Connection,
    beads: Beads,
}

impl<'c> There<'c> {
    /// Those of the namespace that the connection means.
    #[must_use]
    pub fn new(connection: &'c Connection, scope: &Scope) -> Self {
        Self {
            connection,
            beads: Beads::new(connection.client.clone(), scope),
        }
    }

    /// Everything that carries the labels of this mirror.
    ///
    /// # Errors
    /// When the API server does not let it be read.
    pub async fn ours(&self) -> Result<Observed, ClusterError> {
        let (observed, _) = observe::everything(&self.beads)
            .await
            .map_err(|fault| self.failed(fault))?;
        Ok(observed)
    }

    /// Adds what has one of these names without the labels: an object of somebody else, or one of ours that lost its labels.
    ///
    /// # Errors
    /// When the API server does not let it be read.
    pub async fn look_at(
        &self,
        names: &HashSet<&str>,
        observed: &mut Observed,
    ) -> Result<(), ClusterError> {
        if names.is_empty() {
            return Ok(());
        }
        let all = self.names().await?;
        let taken: Vec<Box<str>> = all
            .into_iter()
            .filter(|name| names.contains(&name[..]))
            .map(Into::into)
            .collect();
        observe::some(&self.beads, &taken, observed)
            .await
            .map_err(|fault| self.failed(fault))?;
        Ok(())
    }

    /// The ConfigMaps of these names, by name. What is not there is left out.
    ///
    /// # Errors
    /// When the API server does not let one be read.
    pub async fn contents(
        &self,
        names: Vec<String>,
    ) -> Result<BTreeMap<String, ConfigMap>, ClusterError> {
        let api = &self.api();
        let read = |name: String| async move {
            let found = api
                .get_opt(&name)
                .await
                .map_err(|source| ClusterError::Read {
                    name: name.clone(),
                    source: Box::new(source),
                })?;
            Ok(found.map(|found| (name, found)))
        };
        let reads = futures::stream::iter(names)
            .map(read)
            .buffer_unordered(READS);
        reads
            .try_filter_map(|found| async { Ok(found) })
            .try_collect()
            .await
    }

    /// The names of all ConfigMaps of the namespace.
    async fn names(&self) -> Result<Vec<String>, ClusterError> {
        let api = self.api();
        let (mut names, mut params) = (Vec::new(), ListParams::default().limit(PAGE));
        loop {
            let page = api
                .list_metadata(&params)
                .await
                .map_err(|source| ClusterError::Names {
                    namespace: self.connection.namespace.clone(),
                    source: Box::new(source),
                })?;
            names.extend(page.items.into_iter().filter_map(|item| item.metadata.name));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(names),
            }
        }
    }

    fn api(&self) -> Api<ConfigMap> {
        Api::namespaced(self.connection.client.clone(), &self.connection.namespace)
    }

    fn failed(&self, fault: Fault) -> ClusterError {
        ClusterError::List {
            namespace: self.connection.namespace.clone(),
            source: Box::new(fault),
        }
    }
}
