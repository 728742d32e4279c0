//! What has to be written so that the cluster holds what is wanted.

use std::collections::HashSet;

use beadlet_store::configmap::ContentHash;

use super::observed::{Observed, Standing};

/// One object that should exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub name: Box<str>,
    pub hash: ContentHash,
}

/// The writes of one pass. Numbers are positions in the list of what is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub create: Vec<usize>,
    pub update: Vec<usize>,
    /// Names of objects of ours that nobody wants any more, sorted.
    pub delete: Vec<Box<str>>,
    /// Objects that are as they should be.
    pub unchanged: usize,
    /// Wanted, but somebody else's object has the name.
    pub foreign: Vec<usize>,
    /// Wanted, but the object of that name is being deleted: it is made again when it is gone.
    pub terminating: Vec<usize>,
}

impl Plan {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.update.is_empty() && self.delete.is_empty()
    }
}

/// Compares what is wanted with what is there. Names in `wanted` must be distinct.
#[must_use]
pub fn plan(wanted: &[Wanted], observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    for (at, Wanted { name, hash }) in wanted.iter().enumerate() {
        match observed.standing(name, *hash) {
            Standing::Missing => plan.create.push(at),
            Standing::Different => plan.update.push(at),
            Standing::Equal => plan.unchanged += 1,
            Standing::Foreign => plan.foreign.push(at),
            Standing::Terminating => plan.terminating.push(at),
        }
    }
    if observed.ours() > plan.update.len() + plan.unchanged {
        plan.delete = unwanted(wanted, observed);
    }
    plan
}

fn unwanted(wanted: &[Wanted], observed: &Observed) -> Vec<Box<str>> {
    let wanted: HashSet<&str> = wanted.iter().map(|w| &*w.name).collect();
    let unwanted = observed.our_names().filter(|name| !wanted.contains(name));
    let mut unwanted: Vec<Box<str>> = unwanted.map(Into::into).collect();
    unwanted.sort_unstable();
    unwanted
}

#[cfg(test)]
mod tests {
    use super::super::observed::tests::{hash, identity};
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn wanted(of: &BTreeMap<u8, u8>) -> Vec<Wanted> {
        of.iter()
            .map(|(&name, &content)| Wanted {
                name: name.to_string().into(),
                hash: hash(content),
            })
            .collect()
    }

    fn observed(of: &BTreeMap<u8, u8>) -> Observed {
        let mut observed = Observed::default();
        for w in wanted(of) {
            observed.wrote(&w.name, identity(1), w.hash, Vec::new());
        }
        observed
    }

    fn apply(plan: &Plan, wanted: &[Wanted], observed: &mut Observed) {
        for &at in plan.create.iter().chain(&plan.update) {
            observed.wrote(&wanted[at].name, identity(2), wanted[at].hash, Vec::new());
        }
        for name in &plan.delete {
            assert!(observed.is_gone(name));
        }
    }

    proptest! {
        #[test]
        fn plan_then_apply_then_plan_is_empty(
            before in proptest::collection::btree_map(any::<u8>(), 0u8..3, 0..40),
            after in proptest::collection::btree_map(any::<u8>(), 0u8..3, 0..40),
        ) {
            let (mut there, wanted) = (observed(&before), wanted(&after));
            let first = plan(&wanted, &there);
            let changed = after.iter().filter(|(name, content)| before.get(name) != Some(content)).count();
            let gone = before.keys().filter(|name| !after.contains_key(name)).count();
            prop_assert_eq!(first.create.len() + first.update.len(), changed);
            prop_assert_eq!(first.delete.len(), gone);
            apply(&first, &wanted, &mut there);
            let second = plan(&wanted, &there);
            prop_assert!(second.is_empty());
            prop_assert_eq!(second.unchanged, after.len());
        }

        #[test]
        fn a_foreign_object_is_neither_written_nor_deleted(
            before in proptest::collection::btree_map(any::<u8>(), 0u8..3, 0..20),
            after in proptest::collection::btree_map(any::<u8>(), 0u8..3, 0..20),
            foreign in proptest::collection::btree_set(any::<u8>(), 0..20),
        ) {
            let (mut there, wanted) = (observed(&before), wanted(&after));
            for name in &foreign {
                there.is_foreign(&name.to_string(), identity(9));
            }
            let plan = plan(&wanted, &there);
            let is_foreign = |name: &str| foreign.contains(&name.parse::<u8>().unwrap());
            prop_assert!(plan.create.iter().chain(&plan.update).all(|&at| !is_foreign(&wanted[at].name)));
            prop_assert!(plan.delete.iter().all(|name| !is_foreign(name)));
            prop_assert_eq!(plan.foreign.len(), wanted.iter().filter(|w| is_foreign(&w.name)).count());
        }
    }

    #[test]
    fn an_object_that_is_being_deleted_is_waited_for() {
        let mut there = Observed::default();
        there.is_terminating("1", identity(1));
        let plan = plan(&wanted(&[(1, 1)].into()), &there);
        assert_eq!((plan.is_empty(), plan.terminating), (true, vec![0]));
    }
}
