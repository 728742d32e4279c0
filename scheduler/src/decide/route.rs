//! Which Rig works on a bead.

use beadlet_store::kinds::{BeadStore, Rig, WaitReason};
use kube::ResourceExt;

use super::batch::Batches;
use super::bead::Bead;
use super::verdict::Wait;

/// Everything that a bead's way to a Rig depends on.
#[derive(Debug)]
pub struct Map<'m, 'a> {
    pub rigs: &'m [&'a Rig],
    pub stores: &'m [&'a BeadStore],
    pub batches: &'m Batches<'a>,
}

impl<'a> Map<'_, 'a> {
    /// The Rig that a convoy of the bead names, else the one that its BeadStore names for its prefix, else the one with its prefix.
    ///
    /// # Errors
    /// Why no Rig works on it.
    pub fn rig(&self, bead: &Bead) -> Result<&'a Rig, Wait> {
        let named = self.batches.rig(&bead.key).or_else(|| self.store_rig(bead));
        let rig = match named {
            Some(name) => self.named(name)?,
            None => self.by_prefix(bead)?,
        };
        if !serves(rig, &bead.key.namespace) {
            let detail = format!(
                "Rig {} does not serve namespace {}: spec.allowedNamespaces",
                rig.name_any(),
                bead.key.namespace
            );
            return Err(Wait::new(WaitReason::NamespaceNotAllowed, detail));
        }
        if rig.metadata.deletion_timestamp.is_some() {
            return Err(Wait::new(
                WaitReason::RigDeleting,
                format!("Rig {} is being deleted", rig.name_any()),
            ));
        }
        Ok(rig)
    }

    fn named(&self, name: &str) -> Result<&'a Rig, Wait> {
        let rig = self
            .rigs
            .iter()
            .find(|rig| rig.metadata.name.as_deref() == Some(name));
        rig.copied()
            .ok_or_else(|| Wait::new(WaitReason::NoRig, format!("there is no Rig {name}")))
    }

    fn store_rig(&self, bead: &Bead) -> Option<&'a str> {
        let store = self.stores.iter().find(|store| {
            store.metadata.name == bead.store
                && store.metadata.namespace.as_deref() == Some(&bead.key.namespace)
        })?;
        let of_prefix = store
            .spec
            .prefix
            .as_deref()
            .is_none_or(|prefix| prefix.strip_suffix('-') == bead.prefix.as_deref());
        store.spec.rig_ref.as_deref().filter(|_| of_prefix)
    }

    fn by_prefix(&self, bead: &Bead) -> Result<&'a Rig, Wait> {
        let prefix = bead.prefix.as_deref().unwrap_or_default();
        let all: Vec<&Rig> = self
            .rigs
            .iter()
            .filter(|rig| rig.spec.beads_prefix == prefix)
            .copied()
            .collect();
        let serving: Vec<&Rig> = all
            .iter()
            .filter(|rig| serves(rig, &bead.key.namespace))
            .copied()
            .collect();
        match (serving.as_slice(), all.first()) {
            ([rig], _) => Ok(rig),
            ([], Some(rig)) => Ok(rig),
            ([], None) => Err(Wait::new(
                WaitReason::NoRig,
                format!("no Rig has the prefix {prefix}: spec.beadsPrefix"),
            )),
            (many, _) => {
                let names: Vec<String> = many.iter().map(|rig| rig.name_any()).collect();
                let detail = format!(
                    "the Rigs {} all have the prefix {prefix}: let the BeadStore name one (spec.rigRef)",
                    names.join(", ")
                );
                Err(Wait::new(WaitReason::ManyRigs, detail))
            }
        }
    }
}

/// Whether a Rig serves a namespace.
#[must_use]
pub fn serves(rig: &Rig, namespace: &str) -> bool {
    rig.spec
        .allowed_namespaces
        .as_ref()
        .is_none_or(|allowed| allowed.iter().any(|name| name == namespace))
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::super::fixture::{bead, convoy, rig};
    use super::*;

    #[allow(
        clippy::needless_pass_by_value,
        reason = "tests read better with values"
    )]
    fn store(spec: serde_json::Value) -> BeadStore {
        from_value(
            json!({"apiVersion": "gastown.gastown.io/v1alpha1", "kind": "BeadStore",
            "metadata": {"namespace": "ns", "name": "store"}, "spec": spec}),
        )
        .unwrap()
    }

    fn way(
        rigs: &[Rig],
        stores: &[BeadStore],
        convoys: &[beadlet_store::kinds::Convoy],
    ) -> Result<String, WaitReason> {
        let (rigs, stores): (Vec<&Rig>, Vec<&BeadStore>) =
            (rigs.iter().collect(), stores.iter().collect());
        let map = Map {
            rigs: &rigs,
            stores: &stores,
            batches: &Batches::of(convoys),
        };
        map.rig(&bead("gt-1"))
            .map(ResourceExt::name_any)
            .map_err(|wait| wait.reason)
    }

    fn named(name: &str, prefix: &str) -> Rig {
        rig(name, json!({"beadsPrefix": prefix}))
    }

    #[test]
    fn prefix_leads_to_the_rig() {
        assert_eq!(
            way(&[named("a", "mp"), named("b", "gt")], &[], &[]),
            Ok("b".into())
        );
        assert_eq!(way(&[named("a", "mp")], &[], &[]), Err(WaitReason::NoRig));
        assert_eq!(
            way(&[named("a", "gt"), named("b", "gt")], &[], &[]),
            Err(WaitReason::ManyRigs)
        );
    }

    #[test]
    fn store_names_one_of_several_rigs_for_its_own_prefix_only() {
        let rigs = [named("a", "gt"), named("b", "gt")];
        assert_eq!(
            way(
                &rigs,
                &[store(json!({"rigRef": "b", "prefix": "gt-"}))],
                &[]
            ),
            Ok("b".into())
        );
        assert_eq!(
            way(&rigs, &[store(json!({"rigRef": "b"}))], &[]),
            Ok("b".into())
        );
        assert_eq!(
            way(
                &rigs,
                &[store(json!({"rigRef": "b", "prefix": "mp-"}))],
                &[]
            ),
            Err(WaitReason::ManyRigs)
        );
    }

    #[test]
    fn convoy_names_a_rig_whatever_the_prefix() {
        let mut wave = convoy("wave", &["gt-1"], 0);
        wave.spec.rig_ref = Some("a".into());
        assert_eq!(
            way(&[named("a", "mp"), named("b", "gt")], &[], &[wave]),
            Ok("a".into())
        );
    }

    #[test]
    fn rig_serves_the_namespaces_that_it_allows() {
        let picky = |allowed: &str| rig("a", json!({"allowedNamespaces": [allowed]}));
        assert_eq!(way(&[picky("ns")], &[], &[]), Ok("a".into()));
        assert_eq!(
            way(&[picky("far")], &[], &[]),
            Err(WaitReason::NamespaceNotAllowed)
        );
        assert_eq!(
            way(&[picky("far"), named("b", "gt")], &[], &[]),
            Ok("b".into())
        );
    }
}
