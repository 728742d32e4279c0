//! A repository on another machine.

use std::collections::BTreeMap;

use beadlet_git::{Access, Answer, Limits, RemoteUrl, Update, Wire};
use git2::Oid;

use super::trouble::by_cause;
use super::{Delivery, Patience, Pushed, ServerError};
use crate::history::{is_descendant, pack};

/// A repository on another machine.
pub(crate) struct Far {
    pub(super) wire: Wire,
    pub(super) url: RemoteUrl,
    pub(super) access: Access,
    pub(super) patience: Patience,
}

impl Far {
    pub(super) fn limits(&self) -> Limits {
        let Patience {
            silence,
            total,
            unwanted,
        } = self.patience.clone();
        Limits::from_now(silence, total, unwanted)
    }

    /// Pushes where nobody else's commits would be lost.
    pub(super) fn push(
        &self,
        delivery: &Delivery<'_>,
        reference: &str,
    ) -> Result<Pushed, ServerError> {
        let decide = |refs: &BTreeMap<String, Oid>| {
            let old = refs.get(reference).copied();
            let may =
                old.is_none_or(|old| is_descendant(delivery.repository, delivery.commit, old));
            may.then(|| Update {
                reference: reference.to_owned(),
                old,
                new: delivery.commit,
            })
        };
        let answer = self
            .wire
            .push(&self.limits(), decide, |write| pack(delivery, write))
            .map_err(by_cause)?;
        Ok(match answer {
            Answer::Accepted => Pushed::Accepted,
            Answer::Refused(words) => Pushed::Refused(words),
            Answer::NotAsked => Pushed::Moved,
        })
    }
}
