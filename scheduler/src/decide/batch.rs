//! Which Convoys a bead belongs to, and how many of their polecats may work.

use std::collections::HashMap;

use beadlet_store::kinds::Convoy;

use super::bead::BeadKey;

/// All Convoys, by the beads that they track.
#[derive(Debug, Default)]
pub struct Batches<'a> {
    by_bead: HashMap<BeadKey, Vec<&'a Convoy>>,
}

/// A Convoy by namespace and name.
pub type ConvoyKey = (String, String);

impl<'a> Batches<'a> {
    #[must_use]
    pub fn of(convoys: impl IntoIterator<Item = &'a Convoy>) -> Self {
        let mut by_bead: HashMap<BeadKey, Vec<&Convoy>> = HashMap::new();
        for convoy in convoys {
            let namespace = convoy.metadata.namespace.clone().unwrap_or_default();
            for id in &convoy.spec.tracked_beads {
                let tracking = by_bead
                    .entry(BeadKey {
                        namespace: namespace.clone(),
                        id: id.clone(),
                    })
                    .or_default();
                // A bead that a convoy names twice is one member.
                if !tracking.iter().any(|known| std::ptr::eq(*known, convoy)) {
                    tracking.push(convoy);
                }
            }
        }
        for convoys in by_bead.values_mut() {
            convoys.sort_by_key(|convoy| {
                (
                    convoy
                        .metadata
                        .creation_timestamp
                        .as_ref()
                        .map(|time| time.0),
                    convoy.metadata.name.clone(),
                )
            });
        }
        Self { by_bead }
    }

    /// The convoys of a bead, oldest first. The first is the one that its Polecats are labelled with.
    #[must_use]
    pub fn tracking(&self, bead: &BeadKey) -> &[&'a Convoy] {
        self.by_bead.get(bead).map_or(&[], Vec::as_slice)
    }

    /// The Rig that a convoy of the bead names; the oldest convoy that names one decides.
    #[must_use]
    pub fn rig(&self, bead: &BeadKey) -> Option<&'a str> {
        self.tracking(bead)
            .iter()
            .find_map(|convoy| convoy.spec.rig_ref.as_deref())
    }
}

/// How many polecats of each convoy have a place.
#[derive(Debug, Default)]
pub struct Usage(HashMap<ConvoyKey, u32>);

impl Usage {
    /// Counts a polecat that works on `bead`.
    pub fn take(&mut self, batches: &Batches<'_>, bead: &BeadKey) {
        for convoy in batches.tracking(bead) {
            *self.0.entry(key(convoy)).or_default() += 1;
        }
    }

    /// The convoy of `bead` that has no room for another polecat.
    #[must_use]
    pub fn full<'a>(&self, batches: &Batches<'a>, bead: &BeadKey) -> Option<&'a Convoy> {
        let is_full = |convoy: &&&Convoy| {
            let limit = convoy.spec.parallelism;
            limit > 0 && self.0.get(&key(convoy)).is_some_and(|used| *used >= limit)
        };
        batches.tracking(bead).iter().find(is_full).copied()
    }
}

fn key(convoy: &Convoy) -> ConvoyKey {
    (
        convoy.metadata.namespace.clone().unwrap_or_default(),
        convoy.metadata.name.clone().unwrap_or_default(),
    )
}
