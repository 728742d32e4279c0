//! What a pass over a Rig looks at.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use beadlet_store::kinds::{BeadStore, Convoy, ConvoyPhase, Polecat, PolecatPhase, Rig};
use jiff::Timestamp;
use kube::ResourceExt;

use crate::context::Context;
use crate::decide::attempt::{Attempt, Ledger};
use crate::decide::batch::Batches;
use crate::decide::bead::{Bead, BeadKey};
use crate::decide::dispatch::{Plan, Scene, plan};
use crate::decide::policy::Policy;
use crate::decide::rig_status::{Account, Trouble};
use crate::decide::route::Map;
use crate::decide::scope::Scope;
use crate::decide::slot::{PolecatKey, Slot};
use crate::fault::Fault;

/// Everything that a pass looks at.
pub(super) struct Seen {
    beads: Vec<Arc<Bead>>,
    pub(super) polecats: Vec<Arc<Polecat>>,
    convoys: Vec<Arc<Convoy>>,
    rigs: Vec<Arc<Rig>>,
    stores: Vec<Arc<BeadStore>>,
    pub(super) now: Timestamp,
}

/// The caches; but where the Rig has no list of slots, the Polecats without cache: whoever works must be known before anybody starts.
pub(super) async fn observe(rig: &Rig, context: &Context) -> Result<Seen, Fault> {
    let world = &context.world;
    let mut polecats = world.polecats.state();
    if rig
        .status
        .as_ref()
        .is_none_or(|status| status.slots.is_none())
    {
        let namespace = match &context.settings.scope {
            Scope::Cluster => None,
            Scope::Namespace(namespace) => Some(namespace.as_str()),
        };
        polecats.retain(|polecat| polecat.spec.rig != rig.metadata.name);
        polecats.extend(
            context
                .cluster
                .polecats_of(&rig.name_any(), namespace)
                .await?
                .into_iter()
                .map(Arc::new),
        );
    }
    Ok(Seen {
        beads: world.beads.ready(),
        polecats,
        convoys: world.convoys.state(),
        rigs: world.rigs.state(),
        stores: world.stores.state(),
        now: Timestamp::now(),
    })
}

impl Seen {
    pub(super) fn account<'a>(
        &self,
        rig: &'a Rig,
        context: &Context,
    ) -> (Account<'a>, Option<Trouble>) {
        let is_running = |polecat: &&Arc<Polecat>| {
            polecat.spec.rig == rig.metadata.name && polecat.phase() == PolecatPhase::Working
        };
        let batches = Batches::of(self.convoys.iter().map(AsRef::as_ref));
        let account = Account {
            rig,
            running: self.polecats.iter().filter(is_running).count(),
            active_convoys: self.active_convoys(rig, &batches, context),
            trouble: None,
            now: self.now,
        };
        (account, context.trouble(&rig.name_any()))
    }

    /// Convoys that are not complete and have a bead that leads here.
    fn active_convoys(&self, rig: &Rig, batches: &Batches<'_>, context: &Context) -> usize {
        let (rigs, stores) = self.targets();
        let map = Map {
            rigs: &rigs,
            stores: &stores,
            batches,
        };
        let is_here = |bead: &Bead| {
            map.rig(bead)
                .is_ok_and(|found| found.metadata.name == rig.metadata.name)
        };
        let is_active = |convoy: &&Arc<Convoy>| {
            let namespace = convoy.namespace().unwrap_or_default();
            let phase = convoy.status.as_ref().and_then(|status| status.phase);
            let mut beads = convoy.spec.tracked_beads.iter().filter_map(|id| {
                let key = BeadKey {
                    namespace: namespace.clone(),
                    id: id.clone(),
                };
                context.world.beads.get(&key)
            });
            phase != Some(ConvoyPhase::Complete) && beads.any(|known| is_here(&known.bead))
        };
        self.convoys.iter().filter(is_active).count()
    }

    fn targets(&self) -> (Vec<&Rig>, Vec<&BeadStore>) {
        (
            self.rigs.iter().map(AsRef::as_ref).collect(),
            self.stores.iter().map(AsRef::as_ref).collect(),
        )
    }
}

/// What was seen, as a plan takes it.
pub(super) struct Desk<'a> {
    rig: &'a Rig,
    name: String,
    slots: Vec<Slot>,
    /// The ready beads that lead to the Rig.
    beads: Vec<&'a Bead>,
    polecats: HashMap<PolecatKey, &'a Polecat>,
    ledger: Ledger<'a>,
    pub(super) batches: Batches<'a>,
    now: Timestamp,
}

impl<'a> Desk<'a> {
    pub(super) fn of(rig: &'a Rig, seen: &'a Seen) -> Self {
        let (rigs, stores) = seen.targets();
        let batches = Batches::of(seen.convoys.iter().map(AsRef::as_ref));
        let map = Map {
            rigs: &rigs,
            stores: &stores,
            batches: &batches,
        };
        let leads_here = |bead: &&Bead| {
            map.rig(bead)
                .is_ok_and(|found| found.metadata.name == rig.metadata.name)
        };
        let beads = seen.beads.iter().map(AsRef::as_ref).filter(leads_here);
        let beads = beads.collect();
        let by_key = |polecat: &'a Arc<Polecat>| (PolecatKey::of(polecat), polecat.as_ref());
        Self {
            rig,
            name: rig.name_any(),
            slots: slots(rig),
            beads,
            polecats: seen.polecats.iter().map(by_key).collect(),
            ledger: Ledger::of(seen.polecats.iter().map(AsRef::as_ref)),
            batches,
            now: seen.now,
        }
    }

    pub(super) fn plan<'d>(
        &'d self,
        policy: &'d Policy,
        absent: &'d BTreeSet<PolecatKey>,
        scope: &'d Scope,
    ) -> Plan<'d> {
        plan(&Scene {
            rig: &self.name,
            max_polecats: self.rig.spec.settings.limit() as usize,
            policy,
            slots: &self.slots,
            beads: &self.beads,
            polecats: &self.polecats,
            ledger: &self.ledger,
            batches: &self.batches,
            absent,
            scope,
            now: self.now,
        })
    }
}

/// The slots in its status.
pub(super) fn slots(rig: &Rig) -> Vec<Slot> {
    let texts = rig
        .status
        .iter()
        .flat_map(|status| status.slots.iter().flatten());
    texts.filter_map(|text| Slot::parse(text)).collect()
}
