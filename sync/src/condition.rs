//! Conditions of a mirror: closed sets of types and reasons, and messages that say what a person should do. Decides: no I/O.

use beadlet_store::cluster::FaultReason;
use jiff::Timestamp;

use crate::git;

/// What a condition is about. `Ready`, `Reconciling` and `Stalled` are those of kstatus; the others are true when something is
/// not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// The cluster shows the newest commit.
    Ready,
    /// A pass that failed will be tried again by itself.
    Reconciling,
    /// Nothing more happens until a person does something.
    Stalled,
    /// A commit deletes so much that it waits for a person.
    DeletionsHeld,
    /// Lines of the newest revision could not be read.
    LinesRejected,
    /// Objects of somebody else hold names that we need.
    NamesTaken,
}

/// Why a condition is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Everything is as it should be.
    Synced,
    /// The first pass has not ended yet.
    Starting,
    Suspended,
    ConflictMarkers,
    LfsPointer,
    FileTooLarge,
    LinesRejected,
    EmptyFile,
    TooManyDeletions,
    NameTaken,
    /// Some objects could not be written.
    ObjectsFailed,
    /// An object of ours is deleted, but a finalizer keeps it.
    ObjectsTerminating,
    /// The pass itself broke.
    Internal,
    Source(git::Reason),
    Cluster(FaultReason),
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub type_: ConditionType,
    pub status: bool,
    pub reason: Reason,
    pub message: String,
    /// When [`Self::status`] last changed.
    pub since: Timestamp,
}

/// All conditions of a mirror, one of each type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions(Vec<Condition>);

/// A change of a condition that is worth an event: its status or its reason became another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    pub type_: ConditionType,
    pub status: bool,
    pub reason: Reason,
    pub message: String,
}

/// How much a change matters to whoever reads the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Something changed.
    Info,
    /// Something went wrong and is tried again by itself.
    Warn,
    /// A person must act.
    Error,
}

impl Conditions {
    /// In the order of [`ConditionType`].
    pub fn iter(&self) -> impl Iterator<Item = &Condition> {
        self.0.iter()
    }

    #[must_use]
    pub fn find(&self, type_: ConditionType) -> Option<&Condition> {
        self.0.iter().find(|c| c.type_ == type_)
    }

    #[must_use]
    pub fn is_true(&self, type_: ConditionType) -> bool {
        self.find(type_).is_some_and(|c| c.status)
    }

    /// Sets one condition. Its instant moves only when its status does.
    pub fn set(
        &mut self,
        type_: ConditionType,
        status: bool,
        reason: Reason,
        message: impl Into<String>,
        now: Timestamp,
    ) {
        let since = self
            .find(type_)
            .filter(|c| c.status == status)
            .map_or(now, |c| c.since);
        let condition = Condition {
            type_,
            status,
            reason,
            message: message.into(),
            since,
        };
        match self.0.binary_search_by_key(&type_, |c| c.type_) {
            Ok(at) => self.0[at] = condition,
            Err(at) => self.0.insert(at, condition),
        }
    }

    /// What became different since `before`, for events and logs.
    #[must_use]
    pub fn transitions_from(&self, before: &Self) -> Vec<Transition> {
        let changed = self.0.iter().filter(|now| {
            let was = before.find(now.type_);
            let was = was.map(|c| (c.status, c.reason));
            // A condition that was never there and is false now is no news, but for `Ready`.
            was.map_or(now.status || now.type_ == ConditionType::Ready, |was| {
                was != (now.status, now.reason)
            })
        });
        changed
            .map(|c| Transition {
                type_: c.type_,
                status: c.status,
                reason: c.reason,
                message: c.message.clone(),
            })
            .collect()
    }
}

impl Conditions {
    /// What became different since `before`, for a log: each reason and message once, at its most urgent.
    #[must_use]
    pub fn news_since(&self, before: &Self) -> Vec<(Urgency, Transition)> {
        let is_stalled = self.is_true(ConditionType::Stalled);
        let mut news: Vec<(Urgency, Transition)> = Vec::new();
        for transition in self.transitions_from(before) {
            let urgency = transition.urgency(is_stalled);
            let told = news.iter_mut().find(|(_, told)| {
                (told.reason, &told.message) == (transition.reason, &transition.message)
            });
            match told {
                Some(told) => told.0 = told.0.max(urgency),
                None => news.push((urgency, transition)),
            }
        }
        news
    }
}

impl Transition {
    fn urgency(&self, is_stalled: bool) -> Urgency {
        if matches!(self.reason, Reason::Starting | Reason::Suspended) {
            return Urgency::Info;
        }
        match (self.type_, self.status) {
            (ConditionType::Ready, true) => Urgency::Info,
            (ConditionType::Ready, false) if is_stalled => Urgency::Error,
            (ConditionType::Ready, false) | (ConditionType::Reconciling, true) => Urgency::Warn,
            (_, true) => Urgency::Error,
            (_, false) => Urgency::Info,
        }
    }
}

impl ConditionType {
    pub const ALL: [Self; 6] = [
        Self::Ready,
        Self::Reconciling,
        Self::Stalled,
        Self::DeletionsHeld,
        Self::LinesRejected,
        Self::NamesTaken,
    ];

    /// As it stands in a status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::DeletionsHeld => "DeletionsHeld",
            Self::LinesRejected => "LinesRejected",
            Self::NamesTaken => "NamesTaken",
        }
    }
}

impl Reason {
    /// As it stands in a status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "Synced",
            Self::Starting => "Starting",
            Self::Suspended => "Suspended",
            Self::ConflictMarkers => "ConflictMarkers",
            Self::LfsPointer => "LfsPointer",
            Self::FileTooLarge => "FileTooLarge",
            Self::LinesRejected => "LinesRejected",
            Self::EmptyFile => "EmptyFile",
            Self::TooManyDeletions => "TooManyDeletions",
            Self::NameTaken => "NameTaken",
            Self::ObjectsFailed => "ObjectsFailed",
            Self::ObjectsTerminating => "ObjectsTerminating",
            Self::Internal => "Internal",
            Self::Source(reason) => reason.as_str(),
            Self::Cluster(reason) => reason.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_instant_moves_with_the_status_only() {
        let mut conditions = Conditions::default();
        conditions.set(ConditionType::Ready, false, Reason::EmptyFile, "a", at(1));
        conditions.set(ConditionType::Ready, false, Reason::LfsPointer, "b", at(2));
        assert_eq!(conditions.find(ConditionType::Ready).unwrap().since, at(1));
        conditions.set(ConditionType::Ready, true, Reason::Synced, "c", at(3));
        assert_eq!(conditions.find(ConditionType::Ready).unwrap().since, at(3));
    }

    #[test]
    fn a_transition_is_a_new_status_or_reason() {
        let mut before = Conditions::default();
        before.set(
            ConditionType::Ready,
            true,
            Reason::Synced,
            "commit a",
            at(1),
        );
        let mut after = before.clone();
        after.set(
            ConditionType::Ready,
            true,
            Reason::Synced,
            "commit b",
            at(2),
        );
        after.set(ConditionType::NamesTaken, false, Reason::Synced, "", at(2));
        assert_eq!(after.transitions_from(&before), []);
        after.set(
            ConditionType::NamesTaken,
            true,
            Reason::NameTaken,
            "x",
            at(3),
        );
        assert_eq!(after.transitions_from(&before).len(), 1);
    }

    fn conditions(changes: &[(ConditionType, bool, Reason, &str)]) -> Conditions {
        let mut conditions = Conditions::default();
        for (type_, status, reason, message) in changes {
            conditions.set(*type_, *status, *reason, *message, Timestamp::UNIX_EPOCH);
        }
        conditions
    }

    #[track_caller]
    fn check(changes: &[(ConditionType, bool, Reason, &str)], expected: &[Urgency]) {
        let told = conditions(changes).news_since(&Conditions::default());
        assert_eq!(
            told.iter().map(|(urgency, _)| *urgency).collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn what_waits_for_a_person_is_an_error() {
        use ConditionType::{DeletionsHeld, Ready, Stalled};
        let held = (DeletionsHeld, true, Reason::TooManyDeletions, "30 of 40");
        check(&[held], &[Urgency::Error]);
        let refused = "merge conflict markers on lines 3";
        check(
            &[
                (Ready, false, Reason::ConflictMarkers, refused),
                (Stalled, true, Reason::ConflictMarkers, refused),
            ],
            &[Urgency::Error],
        );
    }

    #[test]
    fn what_is_tried_again_is_a_warning_and_said_once() {
        use ConditionType::{Ready, Reconciling};
        let failed = (Reason::ObjectsFailed, "2 of 9");
        check(
            &[
                (Ready, false, failed.0, failed.1),
                (Reconciling, true, failed.0, failed.1),
            ],
            &[Urgency::Warn],
        );
    }

    #[test]
    fn what_is_well_is_information() {
        check(
            &[(ConditionType::Ready, true, Reason::Synced, "")],
            &[Urgency::Info],
        );
        check(
            &[(ConditionType::Ready, false, Reason::Starting, "")],
            &[Urgency::Info],
        );
    }
}
