//! Events: what changed in the conditions of an object, for `kubectl describe`.

use std::sync::Arc;

use beadlet_store::keys::FIELD_MANAGER;
use beadlet_store::kinds::{Convoy, Polecat, Rig};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
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
    queue: mpsc::Sender<(Event, ObjectReference)>,
    observations: Arc<dyn Observations>,
}

impl Teller {
    /// A teller, and the task that writes what it is told.
    pub(crate) fn new(
        client: Client,
        identity: Option<String>,
        observations: Arc<dyn Observations>,
    ) -> (Self, impl Future<Output = ()>) {
        let (queue, mut waiting) = mpsc::channel::<(Event, ObjectReference)>(WAITING);
        let reporter = Reporter {
            controller: FIELD_MANAGER.into(),
            instance: identity,
        };
        let recorder = Recorder::new(client, reporter);
        let write = async move {
            while let Some((event, about)) = waiting.recv().await {
                if let Err(error) = recorder.publish(&event, &about).await {
                    tracing::debug!(%error, reason = event.reason, "event not written");
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
        let News {
            reason,
            note,
            is_warning,
            action,
        } = what;
        let type_ = if is_warning {
            EventType::Warning
        } else {
            EventType::Normal
        };
        let event = Event {
            type_,
            reason,
            note: Some(shortened(note)),
            action: action.into(),
            secondary: None,
        };
        if self
            .queue
            .try_send((event, object.object_ref(&())))
            .is_err()
        {
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
        for news in news(before, after) {
            tracing::info!(
                kind = K::KIND,
                namespace = object.namespace(),
                name = object.name_any(),
                reason = news.reason,
                detail = news.note,
                "condition changed"
            );
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

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct News {
    pub reason: String,
    pub note: String,
    pub is_warning: bool,
    pub action: &'static str,
}

/// Reasons that everything goes through and nobody needs to read.
const PASSING: [&str; 4] = ["Starting", "AwaitsPlace", "Pending", "Idle"];

/// A change of a condition's status or reason is news. `Ready`, `Reconciling` and `Stalled` change together, and are told once.
fn news(before: &[Condition], after: &[Condition]) -> Vec<News> {
    let is_new = |condition: &&Condition| {
        let known = before.iter().find(|known| known.type_ == condition.type_);
        known.is_none_or(|known| {
            known.status != condition.status || known.reason != condition.reason
        })
    };
    let is_stalled = after
        .iter()
        .any(|condition| condition.type_ == STALLED && condition.status == "True");
    let mut told: Vec<News> = Vec::new();
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
            || told.iter().any(|news| news.reason == condition.reason)
        {
            continue;
        }
        told.push(News {
            reason: condition.reason.clone(),
            note: condition.message.clone(),
            is_warning,
            action: "Reconcile",
        });
    }
    told
}

/// The API server takes 1,024 bytes.
fn shortened(mut note: String) -> String {
    const MAX: usize = 1000;
    if note.len() > MAX {
        let end = (0..=MAX)
            .rev()
            .find(|at| note.is_char_boundary(*at))
            .unwrap_or(0);
        note.truncate(end);
        note.push('…');
    }
    note
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
            .map(|news| (news.reason, news.is_warning))
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
