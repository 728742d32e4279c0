//! What we wrote ourselves, for as long as the cache is behind it: a look that follows at once must not do again what is done. It is as
//! little believed as the cache itself: both may be behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::{Resource, ResourceExt};

/// Longer than a watch is ever behind; then the cache is believed, whatever it says.
const BEHIND: Duration = Duration::from_secs(10);

/// The answers to our last writes of objects of one kind, by namespace and name.
pub(crate) struct Latest<K> {
    written: Mutex<HashMap<(String, String), Written<K>>>,
}

struct Written<K> {
    at: Instant,
    object: Arc<K>,
}

impl<K> Default for Latest<K> {
    fn default() -> Self {
        Self {
            written: Mutex::default(),
        }
    }
}

impl<K: Resource + Clone> Latest<K> {
    pub(crate) fn put(&self, object: &K) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, object) = (Instant::now(), Arc::new(object.clone()));
        written.insert(key(object.as_ref()), Written { at, object });
    }

    /// The cache has come this far: what was written before, or of an object that is gone, does not count any more.
    pub(crate) fn seen(&self, before: Option<&K>, after: Option<&K>) {
        let Some(object) = after.or(before) else {
            return;
        };
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(object);
        let is_ahead = |written: &Written<K>| is_newer(written.object.as_ref(), object);
        if after.is_none() || written.get(&key).is_some_and(|written| !is_ahead(written)) {
            written.remove(&key);
        }
    }

    /// What is newer: what the cache holds, or what we wrote under the same name.
    pub(crate) fn newer(
        &self,
        namespace: &str,
        name: &str,
        cached: Option<Arc<K>>,
    ) -> Option<Arc<K>> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = written.get(&(namespace.to_owned(), name.to_owned()));
        let ours = ours.filter(|written| {
            let is_ahead = |cached: &Arc<K>| is_newer(written.object.as_ref(), cached.as_ref());
            written.at.elapsed() < BEHIND && cached.as_ref().is_none_or(is_ahead)
        });
        ours.map(|written| Arc::clone(&written.object)).or(cached)
    }
}

fn key(object: &impl ResourceExt) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// Resource versions of one object are numbers that grow. Where they are not, nothing is newer.
fn is_newer<K: Resource>(one: &K, other: &K) -> bool {
    let version =
        |object: &K| -> Option<u128> { object.meta().resource_version.as_ref()?.parse().ok() };
    one.meta().uid == other.meta().uid
        && version(one)
            .zip(version(other))
            .is_some_and(|(one, other)| one > other)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::{from_value, json};

    use super::*;

    fn object(uid: &str, version: &str) -> ConfigMap {
        let metadata =
            json!({"namespace": "ns", "name": "a", "uid": uid, "resourceVersion": version});
        from_value(json!({"metadata": metadata})).unwrap()
    }

    /// The version that counts after a write, when the cache holds this.
    fn counts(written: &ConfigMap, cached: Option<ConfigMap>) -> Option<String> {
        let latest = Latest::default();
        latest.put(written);
        latest
            .newer("ns", "a", cached.map(Arc::new))?
            .resource_version()
    }

    #[test]
    fn own_write_counts_until_the_cache_has_it() {
        let written = object("u", "10");
        assert_eq!(counts(&written, None).as_deref(), Some("10"));
        assert_eq!(
            counts(&written, Some(object("u", "9"))).as_deref(),
            Some("10")
        );
        assert_eq!(
            counts(&written, Some(object("u", "11"))).as_deref(),
            Some("11")
        );
    }

    #[test]
    fn another_object_of_the_name_is_not_taken_for_what_was_written() {
        assert_eq!(
            counts(&object("u", "10"), Some(object("v", "9"))).as_deref(),
            Some("9")
        );
    }

    #[test]
    fn versions_that_are_no_numbers_are_not_compared() {
        assert_eq!(
            counts(&object("u", "b"), Some(object("u", "a"))).as_deref(),
            Some("a")
        );
    }

    #[test]
    fn what_the_cache_has_seen_go_is_gone() {
        let latest = Latest::default();
        let is_there = || latest.newer("ns", "a", None).is_some();
        latest.put(&object("u", "10"));
        latest.seen(None, Some(&object("u", "9")));
        assert!(is_there());
        latest.seen(Some(&object("u", "9")), None);
        assert!(!is_there());
        latest.put(&object("u", "10"));
        latest.seen(None, Some(&object("u", "10")));
        assert!(!is_there());
    }
}
