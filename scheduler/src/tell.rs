//! Events: what changed in the conditions of an object, for `kubectl describe`.

use std::sync::Arc;

use beadlet_store::cluster::Chronicle;
pub(crate) use beadlet_store::cluster::News;
use beadlet_store::kinds::{Convoy, Polecat, Rig};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Client, Resource, ResourceExt};
use tokio::sync::mpsc;

use crate::decide::condition::{READY, RECONCILING, STALLED};
use crate::observations::Observations;

/// How many Events may wait to be written. One that finds no room is dropped and counted: Events are for people, and must not slow
/// down what they tell about.
const WAITING: usize = 512;

/// Takes Events, and writes them one after the other.
#[derive(Clone)]
pub(crate) struct Teller {
    queue: mpsc::Sender<(News, ObjectReference)>,
    observations: Arc<dyn Observations>,
}

impl Teller {
    /// A teller, and the task that writes what it is told.
    pub(crate) fn new(
        client: Client,
        identity: Option<String>,
        observations: Arc<dyn Observations>,
    ) -> (Self, impl Future<Output = ()>) {
        let (queue, mut waiting) = mpsc::channel::<(News, ObjectReference)>(WAITING);
        let chronicle = Chronicle::new(client, identity);
        let write = async move {
            while let Some((news, about)) = waiting.recv().await {
                if let Err(error) = chronicle.tell(&about, news).await {
                    tracing::debug!(%error, about = about.name, "event not written");
                }
            }
        };
        (
            Self {
                queue,
                observations,
            },
            write,
        )
    }

    /// Tells one thing about an object.
    pub(crate) fn tell<K: Resource<DynamicType = ()>>(&self, object: &K, what: News) {
        if self.queue.try_send((what, object.object_ref(&()))).is_err() {
            self.observations.event_dropped();
        }
    }

    /// Tells what is new in the conditions of an object.
    pub(crate) fn tell_changes<K: Resource<DynamicType = ()> + Named>(
        &self,
        object: &K,
        before: &[Condition],
        after: &[Condition],
    ) {
        self.tell_changes_as(object, before, after, |_| None);
    }

    /// The same, with other words than the condition's own where `words` has some for the reason.
    pub(crate) fn tell_changes_as<K: Resource<DynamicType = ()> + Named>(
        &self,
        object: &K,
        before: &[Condition],
        after: &[Condition],
        words: impl Fn(&Condition) -> Option<String>,
    ) {
        for condition in news(before, after) {
            let News { reason, note, .. } = &condition.1;
            tracing::info!(
                kind = K::KIND,
                namespace = object.namespace(),
                name = object.name_any(),
                reason,
                detail = note,
                "condition changed"
            );
            let (condition, mut news) = condition;
            news.note = words(condition).unwrap_or(news.note);
            self.tell(object, news);
        }
    }
}

/// A kind with a name for the log.
pub(crate) trait Named {
    const KIND: &'static str;
}

impl Named for Rig {
    const KIND: &'static str = "Rig";
}

impl Named for Polecat {
    const KIND: &'static str = "Polecat";
}

impl Named for Convoy {
    const KIND: &'static str = "Convoy";
}

/// Reasons that everything goes through and nobody needs to read.
const PASSING: [&str; 4] = ["Starting", "AwaitsPlace", "Pending", "Idle"];

/// A change of a condition's status or reason is news. `Ready`, `Reconciling` and `Stalled` change together, and are told once.
fn news<'a>(before: &[Condition], after: &'a [Condition]) -> Vec<(&'a Condition, News)> {
    let is_new = |condition: &&Condition| {
        let known = before.iter().find(|known| known.type_ == condition.type_);
        known.is_none_or(|known| {
            known.status != condition.status || known.reason != condition.reason
        })
    };
    let is_stalled = after
        .iter()
        .any(|condition| condition.type_ == STALLED && condition.status == "True");
    let mut told: Vec<(&Condition, News)> = Vec::new();
    for condition in after.iter().filter(is_new) {
        let is_quiet = PASSING.contains(&condition.reason.as_str())
            || condition.type_ == RECONCILING
            || condition.type_ == STALLED;
        let is_good_news = condition.status == "True";
        let is_warning =
            condition.type_ == READY && is_stalled || condition.type_ != READY && !is_good_news;
        // A condition of its own that is as it should be from the start is no news.
        let is_expected = condition.type_ != READY
            && is_good_news
            && !before.iter().any(|known| known.type_ == condition.type_);
        let stops = condition.type_ == "Stopping";
        if is_quiet
            || (is_expected && !stops)
            || told.iter().any(|(_, news)| news.reason == condition.reason)
        {
            continue;
        }
        let news = News {
            reason: condition.reason.clone(),
            note: condition.message.clone(),
            is_warning,
            action: "Reconcile",
        };
        told.push((condition, news));
    }
    told
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::decide::condition::{CONFIGURED, Said, set};

    fn conditions(all: &[(&'static str, bool, &'static str)]) -> Vec<Condition> {
        let mut conditions = Vec::new();
        for (type_, status, reason) in all {
            set(
                &mut conditions,
                &Said::new(type_, *status, reason, format!("{reason} it is")),
                Some(1),
                Timestamp::UNIX_EPOCH,
            );
        }
        conditions
    }

    fn told(
        before: &[(&'static str, bool, &'static str)],
        after: &[(&'static str, bool, &'static str)],
    ) -> Vec<(String, bool)> {
        news(&conditions(before), &conditions(after))
            .into_iter()
            .map(|(_, news)| (news.reason, news.is_warning))
            .collect()
    }

    #[test]
    fn change_is_told_once_and_no_change_not_at_all() {
        let working = [
            (READY, false, "Working"),
            (RECONCILING, true, "Working"),
            (STALLED, false, "Working"),
        ];
        assert_eq!(told(&[], &working), [("Working".to_owned(), false)]);
        assert_eq!(told(&working, &working), []);
    }

    #[test]
    fn what_needs_a_person_is_a_warning() {
        let stuck = [
            (READY, false, "AgentFailed"),
            (STALLED, true, "AgentFailed"),
        ];
        assert_eq!(told(&[], &stuck), [("AgentFailed".to_owned(), true)]);
        let broken = [
            (CONFIGURED, false, "NoRig"),
            (READY, false, "NoRig"),
            (STALLED, true, "NoRig"),
        ];
        assert_eq!(told(&[], &broken), [("NoRig".to_owned(), true)]);
    }

    #[test]
    fn what_everything_goes_through_is_not_told() {
        assert_eq!(
            told(
                &[],
                &[(READY, false, "Starting"), (CONFIGURED, true, "Configured")]
            ),
            []
        );
    }
}
