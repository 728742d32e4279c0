//! What a cluster holds of beads and polecats.

use beadlet_scheduler::decide::batch::Batches;
use beadlet_scheduler::decide::bead::{Bead, BeadKey};
use beadlet_store::kinds::{BeadStore, Convoy, Polecat, Rig};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;

/// A bead and the object that holds it.
#[derive(Clone, Debug)]
pub struct Mirrored {
    pub bead: Bead,
    pub configmap: ConfigMap,
}

/// All that a question can be about.
#[derive(Clone, Debug, Default)]
pub struct Town {
    /// The one namespace that was looked at; `None` for all.
    pub namespace: Option<String>,
    pub beads: Vec<Mirrored>,
    pub rigs: Vec<Rig>,
    pub stores: Vec<BeadStore>,
    pub polecats: Vec<Polecat>,
    pub convoys: Vec<Convoy>,
}

/// What was asked about and is not there, or is there more than once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfound {
    #[error("no {what} {name} in {place}; {hint}")]
    None {
        what: &'static str,
        name: String,
        place: String,
        hint: &'static str,
    },
    #[error("{what} {name} is in more than one namespace ({}); name one with -n", .namespaces.join(", "))]
    Many {
        what: &'static str,
        name: String,
        namespaces: Vec<String>,
    },
}

impl Town {
    /// The one bead of that id.
    ///
    /// # Errors
    /// When there is none, or one in several namespaces.
    pub fn bead(&self, id: &str) -> Result<&Mirrored, Unfound> {
        let found = self.beads.iter().filter(|held| held.bead.key.id == id);
        let namespace = |held: &Mirrored| held.bead.key.namespace.clone();
        let hint = "`kubectl bead list -A` shows all";
        self.one(("bead", id, hint), found, namespace)
    }

    /// The one Convoy of that name.
    ///
    /// # Errors
    /// When there is none, or one in several namespaces.
    pub fn convoy(&self, name: &str) -> Result<&Convoy, Unfound> {
        let found = self
            .convoys
            .iter()
            .filter(|convoy| convoy.name_any() == name);
        let namespace = |convoy: &Convoy| convoy.namespace().unwrap_or_default();
        let hint = "`kubectl bead convoy list -A` shows all";
        self.one(("convoy", name, hint), found, namespace)
    }

    /// The Rig of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn rig(&self, name: &str) -> Result<&Rig, Unfound> {
        let mut found = self.rigs.iter().filter(|rig| rig.name_any() == name);
        found.next().ok_or_else(|| Unfound::None {
            what: "Rig",
            name: name.to_owned(),
            place: "the cluster".to_owned(),
            hint: "`kubectl get rigs` shows all",
        })
    }

    fn one<'t, T: 't>(
        &self,
        (what, name, hint): (&'static str, &str, &'static str),
        found: impl Iterator<Item = &'t T>,
        namespace: impl Fn(&T) -> String,
    ) -> Result<&'t T, Unfound> {
        let (name, found) = (name.to_owned(), found.collect::<Vec<_>>());
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(Unfound::None {
                what,
                name,
                place: self.place(),
                hint,
            }),
            many => Err(Unfound::Many {
                what,
                name,
                namespaces: many.iter().map(|one| namespace(one)).collect(),
            }),
        }
    }

    fn place(&self) -> String {
        self.namespace.as_ref().map_or_else(
            || "any namespace".to_owned(),
            |namespace| format!("namespace {namespace}"),
        )
    }

    /// The names of the convoys that track a bead, oldest first.
    #[must_use]
    pub fn convoys_of(&self, bead: &BeadKey) -> Vec<String> {
        let batches = Batches::of(&self.convoys);
        let tracking = batches.tracking(bead).iter();
        tracking.map(|convoy| convoy.name_any()).collect()
    }
}
