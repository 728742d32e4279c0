//! What has to be looked at again when something changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use beadlet_store::keys::work;
use beadlet_store::kinds::{BeadStore, Convoy, Polecat, Rig};
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};

use crate::decide::attempt::Attempt;
use crate::decide::bead::{Bead, BeadKey};
use crate::decide::fate::mirrors;
use crate::decide::slot::{PolecatKey, Slot};
use crate::trigger::Triggers;
use crate::world::{World, polecat_of, reference};

/// The queues of the controllers.
#[derive(Clone, Default)]
pub(crate) struct Wires {
    pub(crate) rigs: Triggers<ObjectRef<Rig>>,
    pub(crate) polecats: Triggers<ObjectRef<Polecat>>,
    pub(crate) convoys: Triggers<ObjectRef<Convoy>>,
    /// Convoys that live in git.
    pub(crate) git_convoys: Triggers<BeadKey>,
    /// The dispatch windows may be others.
    pub(crate) windows: Triggers<()>,
}

impl Wires {
    pub(crate) fn rig_changed(&self, world: &World, before: Option<&Rig>, after: Option<&Rig>) {
        let generation = |rig: Option<&Rig>| rig.and_then(|rig| rig.metadata.generation);
        let name = after
            .or(before)
            .map(ResourceExt::name_any)
            .unwrap_or_default();
        if generation(before) == generation(after) {
            self.rigs.push(ObjectRef::new(&name));
            let slots = |rig: Option<&Rig>| -> BTreeSet<String> {
                rig.and_then(|rig| rig.status.as_ref()?.slots.clone())
                    .into_iter()
                    .flatten()
                    .collect()
            };
            for slot in slots(before)
                .symmetric_difference(&slots(after))
                .filter_map(|text| Slot::parse(text))
            {
                self.polecats.push(reference(&slot.polecat));
            }
        } else {
            self.all_rigs(world);
            self.windows.push(());
            self.polecats_that(world, |polecat| polecat.spec.rig.as_deref() == Some(&name));
        }
    }

    pub(crate) fn polecat_changed(
        &self,
        world: &World,
        before: Option<&Polecat>,
        after: Option<&Polecat>,
    ) {
        world.own_polecats.seen(before, after);
        world.links.polecat_changed(before, after);
        for polecat in before.into_iter().chain(after) {
            self.polecats.push(reference(&PolecatKey::of(polecat)));
            let convoy = polecat.labels().get(work::CONVOY);
            match &polecat.spec.rig {
                // A place in a convoy may be free for beads of other Rigs.
                Some(rig) if convoy.is_none() => self.rigs.push(ObjectRef::new(rig)),
                _ => self.all_rigs(world),
            }
            if let Some(convoy) = convoy {
                self.convoys
                    .push(ObjectRef::new(convoy).within(&polecat.namespace().unwrap_or_default()));
            }
        }
    }

    pub(crate) fn convoy_changed(
        &self,
        world: &World,
        before: Option<&Convoy>,
        after: Option<&Convoy>,
    ) {
        world.links.convoy_changed(before, after);
        if let Some(convoy) = after.or(before) {
            self.convoys.push(ObjectRef::from_obj(convoy));
            if let Some(id) = convoy.annotations().get(work::CONVOY_BEAD) {
                self.git_convoys.push(BeadKey {
                    namespace: convoy.namespace().unwrap_or_default(),
                    id: id.clone(),
                });
            }
        }
        let phase =
            |convoy: Option<&Convoy>| convoy.and_then(|convoy| convoy.status.as_ref()?.phase);
        if generation(before) != generation(after) || phase(before) != phase(after) {
            self.all_rigs(world);
        }
    }

    pub(crate) fn store_changed(
        &self,
        world: &World,
        before: Option<&BeadStore>,
        after: Option<&BeadStore>,
    ) {
        let is_there = |store: Option<&BeadStore>| store.is_some_and(mirrors);
        if generation(before) != generation(after) {
            self.all_rigs(world);
        }
        if is_there(before) != is_there(after) {
            let namespace = after.or(before).and_then(|store| store.namespace());
            self.polecats_that(world, |polecat| polecat.namespace() == namespace);
        }
    }

    pub(crate) fn bead_changed(&self, world: &World, before: Option<&Bead>, after: Option<&Bead>) {
        let Some(bead) = after.or(before) else { return };
        let is_ready = |bead: Option<&Bead>| bead.is_some_and(|bead| bead.ready);
        if is_ready(before) || is_ready(after) {
            self.all_rigs(world);
        }
        world
            .links
            .attempts(&bead.key)
            .iter()
            .for_each(|key| self.polecats.push(reference(key)));
        for (namespace, name) in world.links.convoys(&bead.key) {
            self.convoys.push(ObjectRef::new(&name).within(&namespace));
        }
        if bead.issue_type == "convoy" {
            self.git_convoys.push(bead.key.clone());
        }
    }

    /// A Job, or a pod, of a Polecat.
    pub(crate) fn part_changed<K: Resource>(&self, before: Option<&K>, after: Option<&K>) {
        if let Some(polecat) = after.or(before).and_then(polecat_of) {
            self.polecats.push(reference(&polecat));
        }
    }

    /// Everything, although nothing happened.
    pub(crate) fn all(&self, world: &World) {
        self.all_rigs(world);
        self.polecats_that(world, |_| true);
        world
            .convoys
            .state()
            .iter()
            .for_each(|convoy| self.convoys.push(ObjectRef::from_obj(convoy.as_ref())));
        world
            .beads
            .convoys()
            .iter()
            .for_each(|bead| self.git_convoys.push(bead.key.clone()));
    }

    pub(crate) fn all_rigs(&self, world: &World) {
        world
            .rigs
            .state()
            .iter()
            .for_each(|rig| self.rigs.push(ObjectRef::from_obj(rig.as_ref())));
    }

    fn polecats_that(&self, world: &World, is_meant: impl Fn(&Polecat) -> bool) {
        let living = |polecat: &&Arc<Polecat>| !polecat.is_final() && is_meant(polecat);
        world
            .polecats
            .state()
            .iter()
            .filter(living)
            .for_each(|polecat| self.polecats.push(reference(&PolecatKey::of(polecat))));
    }
}

/// Another generation is another spec; a fresh object differs from none.
fn generation<K: Resource>(object: Option<&K>) -> Option<(Option<String>, Option<i64>)> {
    object.map(|object| (object.meta().uid.clone(), object.meta().generation))
}
