//! Watches that keep the caches of [`crate::world`], and say what changed.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use crate::decide::bead::{Bead, BeadKey};
use crate::world::Beads;

/// How many objects a page of a list holds; bounds the memory of a start.
const PAGE: u32 = 500;

pub(crate) fn config() -> watcher::Config {
    watcher::Config::default().page_size(PAGE)
}

/// Something that events are applied to. A restart of a watch brings all objects again, then [`Event::InitDone`].
pub(crate) trait Cache<K>: Send {
    fn apply(&mut self, event: Event<K>);
}

/// Applies everything that a watch brings, for ever. A watch that breaks is opened again after a pause.
pub(crate) async fn follow<K>(
    what: &'static str,
    api: Api<K>,
    config: watcher::Config,
    mut cache: impl Cache<K>,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    run(what, watcher(api, config), |event| cache.apply(event)).await;
}

/// The same for a kind of ours, of which single objects may be unreadable: those are left out and said.
pub(crate) async fn follow_guarded<K>(
    what: &'static str,
    api: Api<DeserializeGuard<K>>,
    mut cache: impl Cache<K>,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
    DeserializeGuard<K>: Resource<DynamicType = ()>,
{
    run(what, watcher(api, config()), |event| {
        let event = match event {
            Event::Apply(guard) => readable(what, guard).map(Event::Apply),
            Event::Delete(guard) => readable(what, guard).map(Event::Delete),
            Event::InitApply(guard) => readable(what, guard).map(Event::InitApply),
            Event::Init => Some(Event::Init),
            Event::InitDone => Some(Event::InitDone),
        };
        event.into_iter().for_each(|event| cache.apply(event));
    })
    .await;
}

async fn run<K>(
    what: &'static str,
    events: impl Stream<Item = watcher::Result<Event<K>>>,
    mut apply: impl FnMut(Event<K>),
) {
    let mut events = std::pin::pin!(events.default_backoff());
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => apply(event),
            Err(error) => tracing::warn!(%error, what, "watch interrupted"),
        }
    }
}

fn readable<K>(what: &'static str, DeserializeGuard(object): DeserializeGuard<K>) -> Option<K> {
    object
        .inspect_err(|invalid| {
            let (namespace, name) = (&invalid.metadata.namespace, &invalid.metadata.name);
            tracing::error!(
                what,
                namespace,
                name,
                error = invalid.error,
                "object is unreadable and left out; mend it or its CRD"
            );
        })
        .ok()
}

/// A cache of whole objects that tells each change as (before, after).
pub(crate) struct Reflected<K: Resource<DynamicType = ()> + Clone + 'static, F> {
    writer: Writer<K>,
    reader: Store<K>,
    changed: F,
}

impl<K, F> Reflected<K, F>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
    F: FnMut(Option<&K>, Option<&K>) + Send,
{
    pub(crate) fn new(writer: Writer<K>, changed: F) -> Self {
        Self {
            reader: writer.as_reader(),
            writer,
            changed,
        }
    }

    fn one(&mut self, object: &ObjectRef<K>, event: &Event<K>) {
        let before = self.reader.get(object);
        self.writer.apply_watcher_event(event);
        let after = self.reader.get(object);
        (self.changed)(before.as_deref(), after.as_deref());
    }

    fn all(&mut self, event: &Event<K>) {
        let by_name = |objects: Vec<Arc<K>>| -> HashMap<ObjectRef<K>, Arc<K>> {
            objects
                .into_iter()
                .map(|object| (ObjectRef::from_obj(object.as_ref()), object))
                .collect()
        };
        let before = by_name(self.reader.state());
        self.writer.apply_watcher_event(event);
        let after = by_name(self.reader.state());
        for (name, object) in &before {
            if !after.contains_key(name) {
                (self.changed)(Some(object), None);
            }
        }
        for (name, object) in &after {
            (self.changed)(before.get(name).map(AsRef::as_ref), Some(object));
        }
    }
}

impl<K, F> Cache<K> for Reflected<K, F>
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
    F: FnMut(Option<&K>, Option<&K>) + Send,
{
    fn apply(&mut self, mut event: Event<K>) {
        match &mut event {
            Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => {
                object.managed_fields_mut().clear()
            }
            Event::Init | Event::InitDone => {}
        }
        match &event {
            Event::Apply(object) | Event::Delete(object) => {
                self.one(&ObjectRef::from_obj(object), &event)
            }
            Event::InitDone => self.all(&event),
            Event::Init | Event::InitApply(_) => self.writer.apply_watcher_event(&event),
        }
    }
}

/// The cache of the beads.
pub(crate) struct Parsed<F> {
    beads: Arc<Beads>,
    /// What a restarted watch has brought so far.
    fresh: Option<BTreeSet<BeadKey>>,
    ready: Option<tokio::sync::oneshot::Sender<()>>,
    changed: F,
}

impl<F: FnMut(Option<&Bead>, Option<&Bead>) + Send> Parsed<F> {
    /// `ready` hears of the first complete list.
    pub(crate) fn new(
        beads: Arc<Beads>,
        ready: tokio::sync::oneshot::Sender<()>,
        changed: F,
    ) -> Self {
        Self {
            beads,
            fresh: None,
            ready: Some(ready),
            changed,
        }
    }

    fn put(&mut self, configmap: &ConfigMap) {
        let bead = match Bead::parse(configmap) {
            Ok(bead) => bead,
            Err(error) => {
                let (namespace, name) = (configmap.namespace(), configmap.name_any());
                return tracing::warn!(%error, namespace, name, "configmap is no bead");
            }
        };
        let key = bead.key.clone();
        if let Some(fresh) = &mut self.fresh {
            fresh.insert(key.clone());
        }
        let before = self.beads.put(bead, Timestamp::now());
        let after = self.beads.get(&key).map(|known| known.bead);
        (self.changed)(before.as_deref(), after.as_deref());
    }
}

impl<F: FnMut(Option<&Bead>, Option<&Bead>) + Send> Cache<ConfigMap> for Parsed<F> {
    fn apply(&mut self, event: Event<ConfigMap>) {
        match event {
            Event::Apply(configmap) | Event::InitApply(configmap) => self.put(&configmap),
            Event::Delete(configmap) => {
                let gone = Bead::parse(&configmap)
                    .ok()
                    .and_then(|bead| self.beads.take(&bead.key, &bead.configmap));
                (self.changed)(gone.as_deref(), None);
            }
            Event::Init => self.fresh = Some(BTreeSet::new()),
            Event::InitDone => {
                let fresh = self.fresh.take().unwrap_or_default();
                for gone in self.beads.retain(&fresh) {
                    (self.changed)(Some(&gone), None);
                }
                self.ready.take().map(|ready| ready.send(()));
            }
        }
    }
}

pub(crate) fn store<K>() -> (Store<K>, Writer<K>)
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    reflector::store()
}
