//! The places among a Rig's `maxPolecats`.
//!
//! A Job of a Rig is unsuspended only while its Polecat's slot stands in the Rig's status. How that holds in every instant, whoever is
//! paused, crashes or reads a stale cache:
//!
//! 1. The list in the Rig's status is only written by compare-and-swap, and grows only while it is shorter than `maxPolecats`.
//! 2. A Job is created suspended. To start it, the controller, in this order: has seen the Job; makes sure, by a write with
//!    compare-and-swap or by a read without cache, that the Polecat is still the one that it decided about, and written down as working;
//!    reads the Rig without cache and finds the slot (a read that several share begins after the last of them has come so far);
//!    unsuspends the Job by a patch that only holds for this very Job and this stretch
//!    of work.
//! 3. A slot goes away only after its Polecat's status says something final, or one pause more. The final word is only written after
//!    the intention was (condition `Stopping`), which makes the second step of any other controller fail, and after the Job was then
//!    found ended or gone, which makes the last step fail. One pause more is only written after the Job was suspended for the next
//!    stretch, which makes the last step fail.
//! 4. A slot names one stretch of work: after a pause the Polecat needs a new one, so an old reason to take the slot away does not
//!    meet the new one. A Polecat keeps its finalizer until its slot is gone, so a new Polecat of the same name does not find it.
//!
//! Kueue starts its Jobs itself, so for those the creation is the last step, with the same checks before it. No patch can be tied to
//! what is not there yet: a Polecat of a queue that ends before it has a Job keeps its slot for [`super::lifecycle::STALE_WRITER`].

use std::fmt;

use beadlet_store::kinds::Polecat;
use kube::ResourceExt;

use super::attempt::Attempt;

/// A Polecat by namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolecatKey {
    pub namespace: String,
    pub name: String,
}

impl PolecatKey {
    #[must_use]
    pub fn of(polecat: &Polecat) -> Self {
        Self {
            namespace: polecat.namespace().unwrap_or_default(),
            name: polecat.name_any(),
        }
    }
}

impl fmt::Display for PolecatKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One place, for one stretch of a Polecat's work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    pub polecat: PolecatKey,
    /// How often the Polecat had been paused when it got the place.
    pub pauses: i64,
}

impl Slot {
    /// The place that the Polecat needs now.
    #[must_use]
    pub fn of(polecat: &Polecat) -> Self {
        Self {
            polecat: PolecatKey::of(polecat),
            pauses: polecat.pauses(),
        }
    }

    /// As it stands in the Rig's status: `namespace/polecat`, and after a pause `namespace/polecat/pauses`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (namespace, name) = (parts.next()?, parts.next()?);
        let pauses = parts.next().map_or(Some(0), |text| text.parse().ok())?;
        let is_whole = parts.next().is_none() && !namespace.is_empty() && !name.is_empty();
        let polecat = PolecatKey {
            namespace: namespace.into(),
            name: name.into(),
        };
        is_whole.then_some(Self { polecat, pauses })
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pauses {
            0 => write!(f, "{}", self.polecat),
            pauses => write!(f, "{}/{pauses}", self.polecat),
        }
    }
}
