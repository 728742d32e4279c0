//! What the controllers share.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use beadlet_store::kinds::Rig;

use crate::ask::Cluster;
use crate::decide::lifecycle::{Inputs, Missing};
use crate::decide::order::Order;
use crate::decide::rig_status::Trouble;
use crate::decide::slot::PolecatKey;
use crate::fault::{Fault, Reason};
use crate::observations::{Controller, Observations};
use crate::settings::Settings;
use crate::tell::Teller;
use crate::together::Together;
use crate::world::World;

/// How long the answer about a Secret or ConfigMap is believed.
const INPUTS_KNOWN: Duration = Duration::from_secs(5);
/// How often a status is written that nobody waits for.
pub(crate) const LEISURE: Duration = Duration::from_millis(500);
/// How long a Polecat that was just created may be missing in the cache.
const BORN_KNOWN: Duration = Duration::from_secs(10);

pub(crate) struct Context {
    pub(crate) cluster: Cluster,
    pub(crate) world: World,
    pub(crate) settings: Settings,
    pub(crate) teller: Teller,
    pub(crate) observations: Arc<dyn Observations>,
    pub(crate) born: Recently<PolecatKey, ()>,
    /// When a Rig's status was written last.
    pub(crate) rig_writes: Recently<String, ()>,
    /// When a Polecat's status was written last.
    pub(crate) polecat_writes: Recently<PolecatKey, ()>,
    rig_reads: Together<Option<Rig>>,
    /// Objects, by namespace and name, with which something went wrong that a person has to see to.
    pub(crate) resting: Recently<(Controller, String, String), ()>,
    troubles: Mutex<HashMap<String, Trouble>>,
    /// Fingerprints by key; `None` for a Secret that does not exist.
    secrets: Recently<(String, String), Option<std::collections::BTreeMap<String, String>>>,
    configmaps: Recently<(String, String), bool>,
}

impl Context {
    pub(crate) fn new(
        cluster: Cluster,
        world: World,
        settings: Settings,
        teller: Teller,
        observations: Arc<dyn Observations>,
    ) -> Self {
        Self {
            cluster,
            world,
            settings,
            teller,
            observations,
            born: Recently::new(BORN_KNOWN),
            rig_writes: Recently::new(Duration::from_secs(60)),
            polecat_writes: Recently::new(LEISURE),
            rig_reads: Together::default(),
            resting: Recently::new(Reason::REST),
            troubles: Mutex::default(),
            secrets: Recently::new(INPUTS_KNOWN),
            configmaps: Recently::new(INPUTS_KNOWN),
        }
    }

    /// What went wrong with a Rig the last time, for its next status.
    pub(crate) fn trouble(&self, rig: &str) -> Option<Trouble> {
        self.troubles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(rig)
            .cloned()
    }

    pub(crate) fn set_trouble(&self, rig: &str, trouble: Option<Trouble>) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(trouble) => troubles.insert(rig.to_owned(), trouble),
            None => troubles.remove(rig),
        };
    }

    /// The Rig as a read without cache found it that began after this call. Those who ask at the same time share it: a list of a thousand
    /// places is not read a thousand times.
    ///
    /// # Errors
    /// What the API server refused.
    pub(crate) async fn rig(&self, name: &str) -> Result<Arc<Option<Rig>>, Fault> {
        let (cluster, rig) = (self.cluster.clone(), name.to_owned());
        let read = async move { cluster.rig(&rig).await.ok() };
        match self.rig_reads.read(name, read).await {
            Some(rig) => Ok(rig),
            // Each has its own fault to tell.
            None => self.cluster.rig(name).await.map(Arc::new),
        }
    }

    /// Counts a look at an object and a fault.
    pub(crate) fn looked<T>(
        &self,
        controller: Controller,
        begin: Instant,
        answer: &Result<T, Fault>,
    ) {
        self.observations
            .reconciled(controller, begin.elapsed(), answer.is_ok());
        if let Err(Fault::Refused { ask, source: _ }) = answer {
            let reason = answer
                .as_ref()
                .err()
                .map_or(Reason::ServerFailed, Fault::reason);
            self.observations.refused(*ask, reason);
        }
    }

    /// What the Job of an order needs and whether it is there.
    pub(crate) async fn inputs(&self, namespace: &str, order: &Order) -> Result<Inputs, Fault> {
        match self.found(namespace, order).await {
            // Nobody but a person can help: it is said, and looked for again after a while.
            Err(fault) if fault.reason() == Reason::Forbidden => {
                Ok(missing(fault.reason().as_str(), fault.to_string()))
            }
            found => found,
        }
    }

    async fn found(&self, namespace: &str, order: &Order) -> Result<Inputs, Fault> {
        let absent = |message| Ok(missing(Reason::NotFound.as_str(), message));
        let mut inputs = Inputs::default();
        for (name, key) in order.secrets() {
            let Some(hashes) = self.secret(namespace, name).await? else {
                return absent(format!(
                    "there is no Secret {name} in namespace {namespace}: create it"
                ));
            };
            let Some(key) = key else { continue };
            let Some(hash) = hashes.get(key) else {
                return absent(format!("Secret {name} has no key {key}: add it"));
            };
            inputs.key_hash = Some(hash.clone());
        }
        for name in order.configmaps() {
            if !self.has_configmap(namespace, name).await? {
                return absent(format!(
                    "there is no ConfigMap {name} in namespace {namespace}: create it"
                ));
            }
        }
        Ok(inputs)
    }

    async fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<std::collections::BTreeMap<String, String>>, Fault> {
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(known) = self.secrets.get(&key) {
            return Ok(known);
        }
        let found = self
            .cluster
            .secret(namespace, name)
            .await?
            .map(|secret| crate::ask::fingerprints(&secret));
        if found.is_some() {
            self.secrets.put(key, found.clone());
        }
        Ok(found)
    }

    async fn has_configmap(&self, namespace: &str, name: &str) -> Result<bool, Fault> {
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(known) = self.configmaps.get(&key) {
            return Ok(known);
        }
        let found = self.cluster.has_configmap(namespace, name).await?;
        if found {
            self.configmaps.put(key, found);
        }
        Ok(found)
    }
}

fn missing(reason: &'static str, message: String) -> Inputs {
    Inputs {
        missing: Some(Missing { reason, message }),
        key_hash: None,
    }
}

/// Things that are believed for a while.
pub(crate) struct Recently<K, V> {
    age: Duration,
    known: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K: Eq + Hash, V: Clone> Recently<K, V> {
    pub(crate) fn new(age: Duration) -> Self {
        Self {
            age,
            known: Mutex::default(),
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(key)
            .filter(|(since, _)| since.elapsed() < self.age)
            .map(|(_, value)| value.clone())
    }

    /// How much longer it is believed.
    pub(crate) fn rest_of(&self, key: &K) -> Option<Duration> {
        self.age.checked_sub(self.age_of(key)?)
    }

    /// How long ago it was put in.
    pub(crate) fn age_of(&self, key: &K) -> Option<Duration> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).map(|(since, _)| since.elapsed())
    }

    pub(crate) fn put(&self, key: K, value: V) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (since, _)| since.elapsed() < self.age);
        known.insert(key, (Instant::now(), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_is_not_believed_any_more() {
        let believed = Recently::new(Duration::from_secs(60));
        believed.put("a", 1);
        assert_eq!((believed.get(&"a"), believed.get(&"b")), (Some(1), None));
        let forgotten = Recently::new(Duration::ZERO);
        forgotten.put("a", 1);
        assert_eq!(forgotten.get(&"a"), None);
    }
}
